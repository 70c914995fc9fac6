/** Run times of requests that ended within one second, of a pool and of each of its workers. */
export class Latencies {
  #all: number[] = [];
  #seen = 0;
  #byWorker = new Map<number, { sumMs: number; count: number }>();

  add(worker: number, runMs: number): void {
    this.#seen++;
    if (this.#all.length < maxKept) this.#all.push(runMs);
    // Each of those seen is kept with the same chance.
    else {
      const at = Math.floor(Math.random() * this.#seen);
      if (at < maxKept) this.#all[at] = runMs;
    }
    const of = this.#byWorker.get(worker) ?? { sumMs: 0, count: 0 };
    of.sumMs += runMs;
    of.count++;
    this.#byWorker.set(worker, of);
  }

  /** What was added since the last call. */
  take(): LatencyView {
    const sorted = Float64Array.from(this.#all).sort();
    const means = new Map([...this.#byWorker].map(([worker, { sumMs, count }]) => [worker, sumMs / count]));
    this.#all = [];
    this.#seen = 0;
    this.#byWorker = new Map();
    return { p50Ms: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95), meanMs: means };
  }
}

export interface LatencyView {
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly meanMs: ReadonlyMap<number, number>;
}

const maxKept = 2000;

function quantile(sorted: Float64Array, share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}
