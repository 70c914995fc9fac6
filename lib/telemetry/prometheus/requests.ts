import type { RequestOutcome } from '../../events/events.js';
import type { Listeners } from '../listen.js';
import { runBuckets, waitBuckets } from './buckets.js';
import type { Families } from './families.js';
import { sum } from './sum.js';

const outcomes: Record<RequestOutcome, true> = {
  succeeded: true,
  failed: true,
  timed_out: true,
  cancelled: true,
  died: true,
  refused: true,
};

export function requestMetrics(families: Families): Listeners {
  families.poolGauge('queue_depth', 'Requests that wait for a worker.', ({ stats }) =>
    sum(stats, ({ queued }) => queued),
  );
  families.poolGauge('queue_limit', 'Requests that may wait.', ({ queueLimit }) => queueLimit);
  families.poolGauge('requests_in_flight', 'Requests that workers have.', ({ stats }) =>
    sum(stats, ({ inFlight }) => inFlight),
  );
  const requests = families.counter(
    'requests_total',
    'Requests that ended, by outcome.',
    Object.keys(outcomes).map((outcome) => ({ outcome })),
  );
  const retries = families.counter(
    'request_retries_total',
    'How often a request was given to another worker after one had died with it.',
  );
  const wait = families.histogram(
    'request_wait_seconds',
    'From the call to the worker, or to its end while it waited. Refused ones are left out.',
    waitBuckets,
  );
  const run = families.histogram('request_run_seconds', 'With the last worker that had it.', runBuckets);
  return {
    'procguard:request:end': ({ pool, outcome, waitMs, runMs, worker, retries: again }) => {
      requests.inc({ pool, outcome });
      if (again > 0) retries.inc({ pool }, again);
      if (outcome !== 'refused') wait.observe({ pool }, waitMs / 1000);
      if (worker !== undefined) run.observe({ pool }, runMs / 1000);
    },
  };
}
