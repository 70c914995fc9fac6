import { closeSync, openSync, readSync } from 'node:fs';

export interface Blocks {
  /** The longest time for which the loop was held, by what runs in it or by a system call. */
  heldMs: number;
  /** The longest time between two turns, the waits for a processor included. */
  standstillMs: number;
}

const PERIOD_MS = 1;

/** Watches the event loop of the main thread: how long does a timer come too late, and why? */
export class LoopWatch {
  readonly #buffer = Buffer.alloc(128);
  readonly #schedstat = openSync('/proc/self/schedstat', 'r');
  readonly #timer = setInterval(() => this.#look(), PERIOD_MS);
  #lastMs = performance.now();
  #lastWaitedMs = this.#waitedMs();
  #longest: Blocks = { heldMs: 0, standstillMs: 0 };

  /** The longest since this was asked last. */
  async longest(): Promise<Blocks> {
    // A block that has just ended is seen when the timer next runs.
    await new Promise((resolve) => setTimeout(resolve, 5 * PERIOD_MS));
    const longest = this.#longest;
    this.#longest = { heldMs: 0, standstillMs: 0 };
    return longest;
  }

  stop(): void {
    clearInterval(this.#timer);
    closeSync(this.#schedstat);
  }

  #look(): void {
    const nowMs = performance.now();
    const waitedMs = this.#waitedMs();
    const standstillMs = nowMs - this.#lastMs - PERIOD_MS;
    const heldMs = standstillMs - (waitedMs - this.#lastWaitedMs);
    this.#longest = {
      heldMs: Math.max(this.#longest.heldMs, heldMs),
      standstillMs: Math.max(this.#longest.standstillMs, standstillMs),
    };
    this.#lastMs = nowMs;
    this.#lastWaitedMs = waitedMs;
  }

  /** For how long this thread has been ready to run, and had no processor. */
  #waitedMs(): number {
    const count = readSync(this.#schedstat, this.#buffer, 0, this.#buffer.length, 0);
    return Number(this.#buffer.toString('latin1', 0, count).split(' ')[1]) / 1e6;
  }
}
