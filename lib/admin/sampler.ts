import { sampleProcesses } from '../health/sample.js';
import type { PoolWatch } from './pool-watch.js';

/** Samples all workers of all pools at once, off the main thread. */
export class Sampler {
  #isUnderWay = false;

  constructor(
    private readonly pools: readonly PoolWatch[],
    private readonly failed: (error: Error) => void,
  ) {}

  /** Returns at once while an earlier one is under way. Never rejects: where nothing can be sampled, nothing is shown. */
  async sample(): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    try {
      const asked = this.pools.flatMap((pool) => [...pool.slots]).filter(({ id }) => id !== undefined);
      const ids = asked.flatMap(({ id }) => id ?? []);
      if (ids.length === 0) return;
      const samples = await sampleProcesses(ids, { trees: true });
      asked.forEach((memory, index) => {
        // It may have another worker by now.
        if (memory.id === ids[index]) memory.takeSample(samples.get(index));
      });
    } catch (error) {
      this.failed(error as Error);
      for (const pool of this.pools) for (const memory of pool.slots) memory.sample = undefined;
    } finally {
      this.#isUnderWay = false;
    }
  }
}
