import { nowMs } from '../clock.js';
import { identify, type TreeId } from '../guard/identify.js';
import { sampleProcesses } from '../health/sample.js';
import type { Worker } from '../worker/worker.js';

/** When a worker should make room for another. */
export interface RetireLimits {
  readonly maxRequests: number;
  readonly maxAgeMs: number;
  readonly maxRssBytes: number;
}

/** Why this worker should make room for another; undefined: it should not. */
export function reasonToRetire({ maxRequests, maxAgeMs }: RetireLimits, worker: Worker): string | undefined {
  if (worker.requests >= maxRequests) return 'maxRequests';
  if (nowMs() - worker.startedAtMs >= maxAgeMs) return 'maxAgeMs';
  return undefined;
}

// Who a worker's process is never changes, and each look at it takes a system call.
const identities = new WeakMap<Worker, TreeId>();

/** Resident memory; none for those that can't be looked at. All at once and off the main thread: one by one, a thousand take a quarter of a core. */
export async function rssBytesOf(workers: readonly Worker[]): Promise<Map<Worker, number>> {
  const found = workers.flatMap((worker) => {
    const id = identityOf(worker);
    return id === undefined ? [] : [{ worker, id }];
  });
  try {
    const ids = found.map(({ id }) => id);
    const samples = await sampleProcesses(ids, { trees: false });
    const sizes = found.map(({ worker }, index) => ({ worker, sample: samples.get(index) }));
    return new Map(
      sizes
        .filter(({ sample }) => sample.outcome === 'sampled')
        .map(({ worker, sample }) => [worker, sample.rssBytes]),
    );
  } catch {
    // The next look may succeed.
    return new Map();
  }
}

function identityOf(worker: Worker): TreeId | undefined {
  const id = identities.get(worker) ?? (worker.child && identify(worker.child));
  if (id !== undefined) identities.set(worker, id);
  return id;
}
