import { nowMs } from '../clock.js';

/** Where time comes from; tests give their own. */
export interface Clock {
  nowMs(): number;
  /** Returns what takes it back. */
  after(ms: number, run: () => void): () => void;
  /** After what has arrived by now was read. */
  soon(run: () => void): void;
}

export const realClock: Clock = {
  nowMs,
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
  soon: setImmediate,
};

// A timer that comes later than this was held up by the host's own work, not by the grain of its clock.
const lateMs = 50;

/**
 * Time as the host lived through it: it stands still while the event loop does, so that nobody is accused of a silence in which the host
 * did not listen.
 */
export class HostClock {
  #lostMs = 0;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    /** The event loop stood still for so long. */
    private readonly stalled: (ms: number) => void,
  ) {}

  nowMs(): number {
    return this.clock.nowMs() - this.#lostMs;
  }

  /** Calls `run` at that time, and not before what had arrived by then was read. Replaces the call that was asked for before. */
  wakeAt(timeMs: number, run: () => void): void {
    this.stop();
    const dueMs = timeMs + this.#lostMs;
    this.#cancel = this.clock.after(Math.max(0, dueMs - this.clock.nowMs()), () => {
      this.#cancel = undefined;
      const tooLateMs = this.clock.nowMs() - dueMs;
      if (tooLateMs > lateMs) {
        this.#lostMs += tooLateMs;
        this.stalled(tooLateMs);
      }
      let isWanted = true;
      this.#cancel = () => {
        isWanted = false;
      };
      this.clock.soon(() => {
        if (!isWanted) return;
        this.#cancel = undefined;
        run();
      });
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
