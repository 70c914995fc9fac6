import type { Clock } from '../../lib/health/host-clock.js';

interface Due {
  atMs: number;
  run(): void;
}

/** An event loop whose time is made: timers first, then what has arrived, then what was to come soon, as in Node. */
export class FakeLoop implements Clock {
  #nowMs = 0;
  #timers: Due[] = [];
  #arrivals: Due[] = [];
  #soon: (() => void)[] = [];
  readonly #stalls: { atMs: number; ms: number }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Something from outside, which is read when the loop next looks. */
  arriveAfter(ms: number, run: () => void): void {
    this.#arrivals.push({ atMs: this.#nowMs + ms, run });
  }

  /** The loop does nothing for so long. */
  stall(ms: number): void {
    this.#stalls.push({ atMs: this.#nowMs, ms });
    this.#nowMs += ms;
  }

  /** For how long it stood still between two times. */
  stalledMs(fromMs: number, toMs: number): number {
    const within = this.#stalls.map(({ atMs, ms }) =>
      Math.max(0, Math.min(toMs, atMs + ms) - Math.max(fromMs, atMs)),
    );
    return within.reduce((sum, ms) => sum + ms, 0);
  }

  runUntil(endMs: number): void {
    for (;;) {
      const nextMs = Math.min(...[...this.#timers, ...this.#arrivals].map(({ atMs }) => atMs));
      if (nextMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, nextMs);
      for (const { run } of this.#take('timers')) run();
      for (const { run } of this.#take('arrivals')) run();
      const soon = this.#soon;
      this.#soon = [];
      for (const run of soon) run();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  #take(kind: 'timers' | 'arrivals'): Due[] {
    const all = kind === 'timers' ? this.#timers : this.#arrivals;
    const due = all.filter(({ atMs }) => atMs <= this.#nowMs).sort((one, other) => one.atMs - other.atMs);
    const rest = all.filter(({ atMs }) => atMs > this.#nowMs);
    if (kind === 'timers') this.#timers = rest;
    else this.#arrivals = rest;
    return due;
  }
}
