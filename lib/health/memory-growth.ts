export interface Growth {
  /** The most that it had while it warmed up, or what it had when its growth was last told. */
  readonly baselineBytes: number;
  readonly nowBytes: number;
}

// Imports, models and first requests take memory that stays: the most of these samples is its own size.
const warmUpSamples = 5;
// Less is no worry on a machine that runs a pool, and allocators keep some freed memory.
const leastGrowthBytes = 256 * 1024 * 1024;
const leastRatio = 2;
// A leak raises the floor of each quarter of the time that it takes; a model that was loaded late, a cache that has filled and a
// large request raise that of one or two.
const quarters = 4;
const perQuarter = 4;
// Of the rise from the first floor to the last. A steady leak gives each step a third.
const leastStep = 0.1;
// Of the growth since the baseline. More than noise on a level gives, and less than the one window that fits the leak best.
const leastRise = 0.25;

/**
 * Whether the memory of one process grows without end, from samples at equal intervals. The samples are looked at in windows of 16: of each
 * sample, of the least of each two, four, eight and so on. A leak that fills the machine in half an hour shows in the narrowest, one
 * that takes a week in a wide one, and it may begin at any time.
 */
export class MemoryGrowth {
  #baselineBytes = 0;
  #samples = 0;
  /** One for each scale, in each the newest last. */
  #windows: number[][] = [];

  /** Takes the next sample; returns the growth when there is one to tell, and starts anew from there. */
  add(rssBytes: number): Growth | undefined {
    this.#samples++;
    if (this.#windows.length === 0 && this.#samples <= warmUpSamples) {
      this.#baselineBytes = Math.max(this.#baselineBytes, rssBytes);
      if (this.#samples === warmUpSamples) this.#startAnew();
      return undefined;
    }
    if (!this.#growsWith(rssBytes)) return undefined;
    const baselineBytes = this.#baselineBytes;
    this.#baselineBytes = rssBytes;
    this.#startAnew();
    return { baselineBytes, nowBytes: rssBytes };
  }

  #startAnew(): void {
    this.#samples = 0;
    this.#windows = [[]];
  }

  #growsWith(rssBytes: number): boolean {
    let grows = false;
    for (let scale = 0; this.#samples % 2 ** scale === 0; scale++) {
      const window = this.#windows[scale] ?? [];
      this.#windows[scale] = window;
      // The least of a pair: one of them alone would make a slow rise of memory that goes up and down nearly in step.
      const pair = this.#windows[scale - 1]?.slice(-2) ?? [rssBytes];
      window.push(Math.min(...pair));
      if (window.length > quarters * perQuarter) window.shift();
      grows ||= this.#growsIn(window);
    }
    return grows;
  }

  #growsIn(window: readonly number[]): boolean {
    if (window.length < quarters * perQuarter) return false;
    const floors = Array.from({ length: quarters }, (_, quarter) =>
      Math.min(...window.slice(quarter * perQuarter, (quarter + 1) * perQuarter)),
    );
    const [first, last] = [floors[0], floors.at(-1)] as [number, number];
    const growth = last - this.#baselineBytes;
    if (growth < leastGrowthBytes || last < leastRatio * this.#baselineBytes) return false;
    const rise = last - first;
    return (
      rise >= leastRise * growth &&
      floors.slice(1).every((floor, index) => floor - (floors[index] as number) >= leastStep * rise)
    );
  }
}
