import type { Meter } from '@opentelemetry/api';
import { listen } from '../listen.js';
import { nameOf, type WatchedPool } from '../watched-pool.js';
import { observePools } from './observe-pools.js';

/** Makes the instruments, and returns what stops them. */
export function measure(meter: Meter, pools: readonly WatchedPool[] | undefined): () => void {
  const names = pools && new Set(pools.map(nameOf));
  const stopObserving = pools === undefined ? () => {} : observePools(meter, pools);
  const stopListening = listen(listenersOf(meter, (pool) => names?.has(pool) !== false));
  return () => {
    stopListening();
    stopObserving();
  };
}

function listenersOf(meter: Meter, isWatched: (pool: string) => boolean): Parameters<typeof listen>[0] {
  const count = (name: string, unit: string, description: string) =>
    meter.createCounter(name, { unit, description });
  const time = (name: string, description: string) => {
    const histogram = meter.createHistogram(name, { unit: 's', description });
    return (ms: number, labels: Record<string, string>) => histogram.record(ms / 1000, labels);
  };
  const starts = count('procguard.worker.starts', '{worker}', 'Workers that were started.');
  const exits = count('procguard.worker.exits', '{worker}', 'Workers that ended, by reason.');
  const startTime = time('procguard.worker.start.duration', 'From the start of a worker to its hello.');
  const latency = time('procguard.heartbeat.latency', 'From a ping to its answer.');
  const misses = count('procguard.heartbeat.misses', '{ping}', 'Pings that were not answered.');
  const requests = count('procguard.requests', '{request}', 'Requests that ended, by outcome.');
  const wait = time('procguard.request.wait.duration', 'From a request to its worker.');
  const run = time('procguard.request.run.duration', "With the request's last worker.");
  const cleanup = time('procguard.cleanup.duration', "Until nothing of a worker's tree was left.");
  const failures = count('procguard.cleanup.failures', '{cleanup}', 'Trees of which something survived.');
  const alerts = count('procguard.alerts', '{alert}', 'Alerts, by code and severity.');

  const of = <E extends { pool: string }>(take: (event: E, pool: { 'procguard.pool': string }) => void) => {
    return (event: E) => {
      if (isWatched(event.pool)) take(event, { 'procguard.pool': event.pool });
    };
  };
  return {
    'procguard:worker:start': of((_, pool) => starts.add(1, pool)),
    'procguard:worker:ready': of(({ startMs }, pool) => startTime(startMs, pool)),
    'procguard:worker:exit': of(({ reason }, pool) => exits.add(1, { ...pool, 'procguard.reason': reason })),
    'procguard:heartbeat:pong': of(({ latencyMs }, pool) => latency(latencyMs, pool)),
    'procguard:heartbeat:miss': of((_, pool) => misses.add(1, pool)),
    'procguard:request:end': of(({ outcome, waitMs, runMs, worker }, pool) => {
      requests.add(1, { ...pool, 'procguard.outcome': outcome });
      if (outcome !== 'refused') wait(waitMs, pool);
      if (worker !== undefined) run(runMs, pool);
    }),
    'procguard:cleanup:done': of(({ durationMs }, pool) => cleanup(durationMs, pool)),
    'procguard:cleanup:failed': of((_, pool) => failures.add(1, pool)),
    'procguard:alert': of(({ code, severity }, pool) =>
      alerts.add(1, { ...pool, 'procguard.alert': code, 'procguard.severity': severity }),
    ),
  };
}
