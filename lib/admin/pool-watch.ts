import type { WorkerStats } from '../pool/stats.js';
import { Latencies, type LatencyView } from './latency.js';
import type { PoolView, WorkerRow } from './messages.js';
import { type Ended, SlotMemory } from './slot-memory.js';
import type { WatchedPool } from './source.js';

const maxMethodChars = 200;
const maxErrorChars = 2000;
// A look at a guard reads two files.
const guardsAtOnce = 20;

/** What is shown of one pool. */
export class PoolWatch {
  readonly latencies = new Latencies();
  readonly #slots = new Map<number, SlotMemory>();
  #latency: LatencyView = { p50Ms: null, p95Ms: null, meanMs: new Map() };
  #done: { count: number; atMs: number } | undefined;
  #ratePerS = 0;
  #nextGuard = 0;

  constructor(
    readonly pool: WatchedPool,
    readonly name: string,
    private readonly index: number,
    private readonly ended: (slot: number, end: Ended) => void,
  ) {}

  get slots(): Iterable<SlotMemory> {
    return this.#slots.values();
  }

  /** Takes the figures of the second that has passed. */
  countSecond(atMs: number): void {
    const { succeeded, rejected, cancelled } = this.pool.stats();
    const count = succeeded + rejected + cancelled;
    if (this.#done !== undefined)
      this.#ratePerS = ((count - this.#done.count) / (atMs - this.#done.atMs)) * 1000;
    this.#done = { count, atMs };
    this.#latency = this.latencies.take();
  }

  look(atMs: number): { view: PoolView; rows: WorkerRow[] } {
    const { workers, ...stats } = this.pool.stats();
    for (const slot of this.#slots.keys()) if (slot >= workers.length) this.#slots.delete(slot);
    for (const worker of workers) {
      const ended = this.#slot(worker.slot).update(this.pool, worker, atMs);
      if (ended !== undefined) this.ended(worker.slot, ended);
    }
    this.#lookAtGuards();
    const { p50Ms, p95Ms } = this.#latency;
    return {
      view: { name: this.name, ...stats, ratePerS: round(this.#ratePerS, 10), p50Ms, p95Ms },
      rows: workers.map((worker) => this.#rowOf(worker)),
    };
  }

  #slot(slot: number): SlotMemory {
    let memory = this.#slots.get(slot);
    if (memory === undefined) {
      memory = new SlotMemory();
      this.#slots.set(slot, memory);
    }
    return memory;
  }

  /** New workers first, then the others in turn. */
  #lookAtGuards(): void {
    let left = guardsAtOnce;
    for (const memory of this.#slots.values()) {
      if (left === 0) return;
      if (memory.guard !== null || memory.id === undefined) continue;
      memory.updateGuard();
      left--;
    }
    for (; left > 0 && this.#nextGuard < this.#slots.size; left--) {
      this.#slots.get(this.#nextGuard++)?.updateGuard();
    }
    if (this.#nextGuard >= this.#slots.size) this.#nextGuard = 0;
  }

  #rowOf(stats: WorkerStats): WorkerRow {
    const { slot, worker, pid, verdict, reason, state, inFlight, requests, restarts, pingMs, error } = stats;
    const memory = this.#slot(slot);
    const { ended, sample } = memory;
    return {
      key: `${this.index}/${slot}`,
      pool: this.index,
      slot,
      worker: worker ?? null,
      pid: pid ?? null,
      verdict: verdict ?? state,
      reason: reason ?? null,
      isLeaving: state === 'leaving',
      startedAtMs: memory.startedAtMs,
      inFlight,
      requests,
      restarts,
      pingMs: pingMs === undefined ? null : round(pingMs, 100),
      latencyMs: worker === undefined ? null : (this.#latency.meanMs.get(worker) ?? null),
      cpuShare: memory.cpuShare === null ? null : round(memory.cpuShare, 100),
      rssBytes: sample === undefined ? null : roundRss(sample.tree?.rssBytes ?? sample.rssBytes),
      processes: sample?.tree?.processes ?? null,
      guard: memory.guard,
      guardLevel: memory.guardLevel,
      method: memory.method?.slice(0, maxMethodChars) ?? null,
      methodSinceMs: memory.methodSinceMs,
      error: error?.message.slice(0, maxErrorChars) ?? null,
      endedPid: ended?.pid ?? null,
      endedHow: ended?.how ?? null,
      endedAtMs: ended?.atMs ?? null,
      endedBadly: ended?.isBad ?? false,
    };
  }
}

function round(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}

// In steps of 64 KiB: what nobody can see needn't be sent.
function roundRss(bytes: number): number {
  return Math.round(bytes / 65_536) * 65_536;
}
