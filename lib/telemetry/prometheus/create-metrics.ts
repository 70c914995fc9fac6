import { Registry } from 'prom-client';
import { checkKeys, invalidOption } from '../../errors.js';
import type { SweepReport } from '../../guard/sweep.js';
import { type Listeners, listen } from '../listen.js';
import { checkPool, checkPools, nameOf, type WatchedPool } from '../watched-pool.js';
import { alertMetrics } from './alerts.js';
import { cleanupMetrics } from './cleanups.js';
import { eventLoopMetrics } from './event-loop.js';
import { Families } from './families.js';
import { guardMetrics } from './guard.js';
import { heartbeatMetrics } from './heartbeats.js';
import { Pools } from './pools.js';
import { requestMetrics } from './requests.js';
import { type SweepDetails, sweepMetrics } from './sweeps.js';
import { usageMetrics } from './usage.js';
import { workerMetrics } from './workers.js';

export interface MetricsOptions {
  /** Others can be added later. */
  pools?: readonly WatchedPool[] | undefined;
  /** Of prom-client. The default is one of its own. */
  registry?: Registry | undefined;
  /** What all names begin with. The default is `procguard_`. */
  prefix?: string | undefined;
}

export interface Metrics {
  /** `await registry.metrics()` is what `/metrics` answers, with the content type `registry.contentType`. */
  readonly registry: Registry;
  /** Pools of the same name are one. Throws `ERR_PROCGUARD_INVALID_OPTION`. */
  add(pool: WatchedPool): void;
  /** Its series go. */
  remove(pool: WatchedPool): void;
  /** What `sweep()` has found at the start of this program. Throws `ERR_PROCGUARD_INVALID_OPTION`. */
  recordSweep(report: SweepReport, details?: SweepDetails): void;
  /** Measures no more, and takes the metrics out of the registry. */
  stop(): void;
}

/**
 * Metrics of these pools for Prometheus, and of the process that has them. Events count from this call on, so make it before the pools
 * are busy. Throws `ERR_PROCGUARD_INVALID_OPTION`, and what prom-client throws when the registry has metrics of these names.
 *
 * ```ts
 * const { registry } = createMetrics({ pools: [pool] });
 * const text = await registry.metrics();
 * ```
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  checkKeys('options', options, ['pools', 'registry', 'prefix']);
  const { pools: initial = [], registry = new Registry(), prefix = 'procguard_' } = options;
  checkPools('pools', initial);
  if (typeof prefix !== 'string' || !/^([a-zA-Z_:][\w:]*)?$/.test(prefix))
    throw invalidOption('prefix', prefix, 'letters, digits, _ and :, the first no digit');
  const pools = new Pools();
  const families = new Families(registry, prefix, pools);
  const stopListening = listen(
    ofWatched(pools, {
      ...workerMetrics(families),
      ...requestMetrics(families),
      ...heartbeatMetrics(families),
      ...cleanupMetrics(families),
      ...alertMetrics(families),
    }),
  );
  const forgetUsage = usageMetrics(families);
  guardMetrics(families);
  const recordSweep = sweepMetrics(families);
  const stopLoop = eventLoopMetrics(families);
  const add = (pool: WatchedPool) => {
    checkPool('pool', pool);
    if (pools.add(pool)) families.addPool(nameOf(pool));
  };
  for (const pool of initial) add(pool);
  return {
    registry,
    add,
    remove: (pool) => {
      if (!pools.remove(pool)) return;
      families.removePool(nameOf(pool));
      forgetUsage(nameOf(pool));
    },
    recordSweep,
    stop: () => {
      stopListening();
      stopLoop();
      families.removeAll();
    },
  };
}

/** Pools that were not named have no series. */
function ofWatched(pools: Pools, listeners: Listeners): Listeners {
  const entries = Object.entries(listeners) as [string, (event: { pool: string }) => void][];
  return Object.fromEntries(
    entries.map(([name, listener]) => [
      name,
      (event: { pool: string }) => {
        if (pools.isWatched(event.pool)) listener(event);
      },
    ]),
  );
}
