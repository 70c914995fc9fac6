import { type Growth, MemoryGrowth } from '../health/memory-growth.js';
import type { Worker } from '../worker/worker.js';
import { rssBytesOf } from './retire.js';

// A look at a thousand workers takes about 10 ms of processor time, most of it off the main thread.
const sampleEveryMs = 60_000;

/** Looks at the memory of the workers that are ready, and tells of those whose grows without end. Keeps no process running. */
export class MemoryWatch {
  readonly #growths = new WeakMap<Worker, MemoryGrowth>();
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;

  constructor(
    private readonly workers: () => readonly Worker[],
    private readonly tell: (worker: Worker, growth: Growth) => void,
  ) {
    this.#timer = setInterval(() => void this.#look(), sampleEveryMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const ready = this.workers().filter(({ state }) => state === 'ready');
    const sizes = ready.length === 0 ? [] : await rssBytesOf(ready);
    this.#isLooking = false;
    for (const [worker, rssBytes] of sizes) {
      if (worker.state !== 'ready') continue;
      const growth = this.#growthOf(worker).add(rssBytes);
      if (growth !== undefined) this.tell(worker, growth);
    }
  }

  #growthOf(worker: Worker): MemoryGrowth {
    const known = this.#growths.get(worker);
    if (known !== undefined) return known;
    const growth = new MemoryGrowth();
    this.#growths.set(worker, growth);
    return growth;
  }
}
