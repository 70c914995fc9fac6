import type { ExitReason } from '../../events/events.js';
import type { Listeners } from '../listen.js';
import { countStates } from '../watched-pool.js';
import { startBuckets } from './buckets.js';
import type { Families } from './families.js';
import { sum } from './sum.js';

const exitReasons: Record<ExitReason, true> = {
  start_failed: true,
  crashed: true,
  left: true,
  killed: true,
  unhealthy: true,
  stuck: true,
  protocol: true,
};

export function workerMetrics(families: Families): Listeners {
  families.gauge('workers', 'Slots of the pool, by what they are up to.', ['pool', 'state'], (gauge) => {
    for (const { name, stats } of families.pools.snapshots()) {
      const workers = stats.flatMap((each) => each.workers);
      for (const [state, count] of countStates(workers)) gauge.set({ pool: name, state }, count);
    }
  });
  families.poolGauge('slots_failed', 'Slots that get no worker until they are revived.', ({ stats }) =>
    sum(stats, ({ failed }) => failed),
  );
  const starts = families.counter('worker_starts_total', 'Workers that were started.');
  const exits = families.counter(
    'worker_exits_total',
    'Workers that ended, by reason.',
    Object.keys(exitReasons).map((reason) => ({ reason })),
  );
  const startTime = families.histogram(
    'worker_start_seconds',
    'From the start of a worker to its hello.',
    startBuckets,
  );
  const unhealthy = families.counter(
    'worker_unhealthy_total',
    'How often a worker was found silent, by verdict.',
    [{ verdict: 'stalled' }, { verdict: 'unresponsive' }],
  );
  return {
    'procguard:worker:start': ({ pool }) => starts.inc({ pool }),
    'procguard:worker:ready': ({ pool, startMs }) => startTime.observe({ pool }, startMs / 1000),
    'procguard:worker:exit': ({ pool, reason }) => exits.inc({ pool, reason }),
    'procguard:worker:unhealthy': ({ pool, verdict }) => unhealthy.inc({ pool, verdict }),
  };
}
