import { channel } from 'node:diagnostics_channel';
import type { ProcguardEvents } from '../../lib/events/events.js';
import type { WorkerStats } from '../../lib/pool/stats.js';
import type { WatchedPool } from '../../lib/telemetry/watched-pool.js';

/** Publishes an event as a pool does; what is left out is nobody's interest. */
export function publish<Name extends keyof ProcguardEvents>(
  name: Name,
  event: Partial<ProcguardEvents[Name]>,
): void {
  channel(name).publish({ at: new Date(), ...event });
}

/** A pool of so many workers that don't exist, for what no test can start as often as it is needed. */
export function fakePool(name: string, size: number, worker: Partial<WorkerStats> = {}): WatchedPool {
  const workers = Array.from({ length: size }, (_, slot): WorkerStats => {
    return {
      slot,
      verdict: slot % 2 === 0 ? 'idle' : 'busy',
      reason: undefined,
      pingMs: 0.4,
      state: 'ready',
      pid: undefined,
      inFlight: slot % 2,
      requests: slot,
      ageMs: 1000,
      restarts: 0,
      error: undefined,
      ...worker,
    } as WorkerStats;
  });
  const config = { name: { value: name, source: 'option' }, maxQueue: { value: 100, source: 'default' } };
  return {
    config: () => config as ReturnType<WatchedPool['config']>,
    stats: () =>
      ({
        stage: 'open',
        size,
        ready: size,
        failed: workers.filter(({ state }) => state === 'failed').length,
        queued: 3,
        inFlight: 2,
        succeeded: 0,
        rejected: 0,
        cancelled: 0,
        workers,
      }) as ReturnType<WatchedPool['stats']>,
  };
}
