export interface Growth {
  /** The most that it had while it warmed up, or when its growth was last told. */
  readonly baselineBytes: number;
  readonly nowBytes: number;
}

// Imports, models and first requests take memory that stays: what it has after so many samples is its own size.
const warmUpSamples = 3;
// Less is no worry on a machine that runs a pool, and allocators keep some freed memory.
const leastGrowthBytes = 256 * 1024 * 1024;
const leastRatio = 2;
// Each a quarter of the time since the warm-up, whether that is ten minutes or a week. A leak raises the floor of each; a cache
// that has filled, a large request and a model that was loaded late raise that of one or two.
const quarters = 4;
const leastHistory = 2 * quarters;
const maxHistory = 4 * quarters;
// Of the whole rise. A steady leak gives each quarter a third of it, and noise on a level next to nothing.
const leastShare = 0.1;

/**
 * Whether the memory of one process grows without end, from samples at equal intervals. Nothing here knows a time: the rule holds for a leak
 * that fills the machine in ten minutes and for one that takes a week. Keeps 16 numbers.
 */
export class MemoryGrowth {
  #baselineBytes = 0;
  #warmUp = 0;
  /** Since the warm-up, oldest first; every `#stride`th sample. */
  #history: number[] = [];
  #stride = 1;
  #skipped = 0;

  /** Takes the next sample; returns the growth when there is one to tell, which starts anew from there. */
  add(rssBytes: number): Growth | undefined {
    if (this.#warmUp < warmUpSamples) {
      this.#warmUp++;
      this.#baselineBytes = Math.max(this.#baselineBytes, rssBytes);
      return undefined;
    }
    this.#keep(rssBytes);
    const baselineBytes = this.#baselineBytes;
    const isLarge = rssBytes >= leastRatio * baselineBytes && rssBytes - baselineBytes >= leastGrowthBytes;
    if (!isLarge || !this.#grows()) return undefined;
    this.#baselineBytes = rssBytes;
    this.#history = [];
    this.#stride = 1;
    this.#skipped = 0;
    return { baselineBytes, nowBytes: rssBytes };
  }

  #keep(rssBytes: number): void {
    if (++this.#skipped < this.#stride) return;
    this.#skipped = 0;
    this.#history.push(rssBytes);
    if (this.#history.length < maxHistory) return;
    // Of each two the later one.
    this.#history = this.#history.filter((_, index) => index % 2 === 1);
    this.#stride *= 2;
  }

  #grows(): boolean {
    if (this.#history.length < leastHistory) return false;
    const floors = floorsOf(this.#history);
    const rise = (floors[quarters - 1] as number) - (floors[0] as number);
    return (
      rise > 0 &&
      floors.every(
        (floor, index) => index === 0 || floor - (floors[index - 1] as number) >= leastShare * rise,
      )
    );
  }
}

/** The least of each quarter. */
function floorsOf(history: readonly number[]): number[] {
  const bound = (quarter: number) => Math.round((quarter * history.length) / quarters);
  return Array.from({ length: quarters }, (_, quarter) =>
    Math.min(...history.slice(bound(quarter), bound(quarter + 1))),
  );
}
