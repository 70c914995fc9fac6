import type { RequestOutcome } from '../../events/events.js';
import type { Listeners } from '../listen.js';
import { runBuckets, waitBuckets } from './buckets.js';
import type { Families } from './families.js';
import { sum } from './sum.js';
import { Tally } from './tally.js';

export function requestMetrics(families: Families): Listeners {
  families.poolGauge('queue_depth', 'Requests that wait for a worker.', ({ stats }) =>
    sum(stats, ({ queued }) => queued),
  );
  families.poolGauge('queue_limit', 'Requests that may wait.', ({ queueLimit }) => queueLimit);
  families.poolGauge('requests_in_flight', 'Requests that workers have.', ({ stats }) =>
    sum(stats, ({ inFlight }) => inFlight),
  );
  const tallies = families.tallies(() => new RequestTally());
  families.pulledLabelledCounter(
    'requests_total',
    'Requests that ended, by outcome.',
    ['pool', 'outcome'],
    function* () {
      for (const [pool, { outcomes }] of tallies)
        for (const [outcome, total] of Object.entries(outcomes)) yield [{ pool, outcome }, total];
    },
  );
  families.pulledLabelledCounter(
    'request_retries_total',
    'How often a request was given to another worker after one had died with it.',
    ['pool'],
    function* () {
      for (const [pool, { retries }] of tallies) yield [{ pool }, retries];
    },
  );
  families.pulledHistogram(
    'request_wait_seconds',
    'From the call to the worker, or to its end while it waited. Refused ones are left out.',
    waitBuckets,
    () => [...tallies].map(([pool, { wait }]) => [pool, wait]),
  );
  families.pulledHistogram('request_run_seconds', 'With the last worker that had it.', runBuckets, () =>
    [...tallies].map(([pool, { run }]) => [pool, run]),
  );
  return {
    'procguard:request:end': ({ pool, outcome, waitMs, runMs, worker, retries }) => {
      const tally = tallies.get(pool);
      if (tally === undefined) return;
      tally.outcomes[outcome]++;
      tally.retries += retries;
      if (outcome !== 'refused') tally.wait.observe(waitMs / 1000);
      if (worker !== undefined) tally.run.observe(runMs / 1000);
    },
  };
}

/** Of one pool. Each series is there from the start, with 0. */
class RequestTally {
  readonly outcomes: Record<RequestOutcome, number> = {
    succeeded: 0,
    failed: 0,
    timed_out: 0,
    cancelled: 0,
    died: 0,
    refused: 0,
  };
  retries = 0;
  readonly wait = new Tally(waitBuckets);
  readonly run = new Tally(runBuckets);
}
