import type { Meter, ObservableResult } from '@opentelemetry/api';
import { countStates, nameOf, queueLimitOf, type WatchedPool } from '../watched-pool.js';

/** Gauges that are asked for when they are exported. Returns what takes them back. */
export function observePools(meter: Meter, pools: readonly WatchedPool[]): () => void {
  const observe = (
    name: string,
    unit: string,
    description: string,
    look: (result: ObservableResult, pool: WatchedPool, attributes: { 'procguard.pool': string }) => void,
  ) => {
    const gauge = meter.createObservableGauge(name, { unit, description });
    const callback = (result: ObservableResult) => {
      for (const pool of pools) look(result, pool, { 'procguard.pool': nameOf(pool) });
    };
    gauge.addCallback(callback);
    return () => gauge.removeCallback(callback);
  };
  const takeBacks = [
    observe('procguard.workers', '{worker}', 'Slots of a pool, by state.', (result, pool, attributes) => {
      for (const [state, count] of countStates(pool.stats().workers))
        result.observe(count, { ...attributes, 'procguard.state': state });
    }),
    observe('procguard.queue.depth', '{request}', 'Requests that wait.', (result, pool, attributes) =>
      result.observe(pool.stats().queued, attributes),
    ),
    observe('procguard.queue.limit', '{request}', 'Requests that may wait.', (result, pool, attributes) =>
      result.observe(queueLimitOf(pool), attributes),
    ),
  ];
  return () => {
    for (const takeBack of takeBacks) takeBack();
  };
}
