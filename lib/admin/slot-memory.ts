import type { ChildProcess } from 'node:child_process';
import type { StartReason } from '../events/events.js';
import { identify, type TreeId } from '../guard/identify.js';
import { guardOf } from '../guard/report.js';
import { ratesBetween } from '../health/rates.js';
import type { ProcessSample } from '../health/sample.js';
import type { WorkerView } from '../pool/inspect.js';
import type { WorkerStats } from '../pool/stats.js';
import type { GuardLevel } from './messages.js';
import type { WatchedPool } from './source.js';

/** The worker that a slot had before. */
export interface Ended {
  readonly worker: number;
  readonly pid: number | null;
  readonly how: string;
  readonly atMs: number;
  readonly isBad: boolean;
}

// What is worked out from an age differs a little each time.
const jitterMs = 60;

/** What has to be known of one slot from one look to the next. */
export class SlotMemory {
  worker: number | undefined;
  child: ChildProcess | undefined;
  id: TreeId | undefined;
  startedAtMs: number | null = null;
  method: string | null = null;
  methodSinceMs: number | null = null;
  guard: string | null = null;
  guardLevel: GuardLevel | null = null;
  cpuShare: number | null = null;
  sample: ProcessSample | undefined;
  ended: Ended | undefined;
  #wasLeaving = false;

  /** Takes in what the pool says now. Returns the worker that has ended since, if one has. */
  update(pool: WatchedPool, stats: WorkerStats, atMs: number): Ended | undefined {
    let ended: Ended | undefined;
    if (stats.worker !== this.worker) {
      const view = stats.worker === undefined ? undefined : pool.inspect(stats.slot);
      ended = this.#endOf(view?.reason, atMs);
      if (ended !== undefined) this.ended = ended;
      this.#begin(view, stats, atMs);
    }
    if (stats.worker !== undefined) this.#wasLeaving = stats.state === 'leaving';
    this.#updateMethod(stats, atMs);
    return ended;
  }

  /** A few system calls; it may change while the worker lives, as when the keeper ends. */
  updateGuard(): void {
    if (this.child === undefined) return;
    const { link, tree } = guardOf(this.child);
    const layers = [link, tree].filter((layer) => layer !== 'none');
    this.guard = layers.length === 0 ? 'none' : layers.join(' + ');
    this.guardLevel = (['none', 'partial', 'full'] as const)[layers.length] as GuardLevel;
  }

  takeSample(sample: ProcessSample): void {
    const rates = ratesBetween(this.sample, sample);
    this.cpuShare = rates?.tree?.cpuShare ?? rates?.cpuShare ?? null;
    this.sample = sample.outcome === 'sampled' ? sample : undefined;
  }

  #begin(view: WorkerView | undefined, stats: WorkerStats, atMs: number): void {
    this.worker = stats.worker;
    this.child = view?.child;
    this.id = view?.child && identify(view.child);
    this.startedAtMs = stats.worker === undefined ? null : atMs - stats.ageMs;
    this.guard = null;
    this.guardLevel = null;
    this.cpuShare = null;
    this.sample = undefined;
  }

  /** `reason` is that of its successor, if there is one. */
  #endOf(reason: StartReason | undefined, atMs: number): Ended | undefined {
    if (this.worker === undefined) return undefined;
    const { exitCode = null, signalCode = null, pid = null } = this.child ?? {};
    const isBad = !this.#wasLeaving && exitCode !== 0;
    // It was killed for that, or is about to be.
    const how = reason === 'unhealthy' ? 'silent' : howEnded(exitCode, signalCode);
    return { worker: this.worker, pid, how, atMs, isBad };
  }

  #updateMethod({ request }: WorkerStats, atMs: number): void {
    const sinceMs = request === undefined ? null : atMs - request.ageMs;
    const isSame =
      request?.method === this.method &&
      sinceMs !== null &&
      Math.abs(sinceMs - (this.methodSinceMs ?? 0)) < jitterMs;
    if (isSame) return;
    this.method = request?.method ?? null;
    this.methodSinceMs = sinceMs;
  }
}

function howEnded(exitCode: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return signal;
  if (exitCode !== null) return `exit code ${exitCode}`;
  // It is replaced before it is killed.
  return 'silent';
}
