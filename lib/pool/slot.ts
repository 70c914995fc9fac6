import { nowMs } from '../clock.js';
import type { ProcguardError } from '../errors.js';
import type { WorkerSpec } from '../worker/start.js';
import { Worker, type WorkerEvents } from '../worker/worker.js';
import type { RestartConfig } from './options.js';

/** `starting`, `ready`, `waiting` before the next start, `failed` after `restart.maxFailedStarts` in a row, `closed`. */
export type SlotState = 'starting' | 'ready' | 'waiting' | 'failed' | 'closed';

// A worker that has run this long is not one of a series of failures.
const settledMs = 10_000;
// A hang takes some intervals of heartbeats until it is seen, so it can't spin as fast as a crash: the first two get their
// replacements at once, as is promised.
const hangsAtOnce = 2;

/** How a slot stood when it lost a worker. */
export type Series = Pick<Slot, 'index' | 'state' | 'crashes' | 'hangs'>;

/** A place for one worker after another. */
export class Slot {
  state: SlotState = 'starting';
  worker: Worker | undefined;
  /** Workers that it has had. */
  starts = 0;
  /** Why it is `failed`, or why the last start failed. */
  error: ProcguardError | undefined;
  #failedStarts = 0;
  /** Of its last workers in a row, those that ended soon after they were ready, and those that hung. */
  crashes = 0;
  hangs = 0;
  #timer: NodeJS.Timeout | undefined;
  #settled = () => {};

  constructor(
    readonly index: number,
    private readonly spec: WorkerSpec,
    private readonly restart: RestartConfig,
    private readonly events: WorkerEvents,
    private readonly changed: (slot: Slot) => void,
    private readonly nextNumber: () => number,
    /** Asks for a call of `start` when there is room for one more. */
    private readonly wantsStart: (slot: Slot) => void,
  ) {}

  /** Its worker takes requests; one that is leaving doesn't. */
  get isReady(): boolean {
    return this.state === 'ready' && this.worker?.state === 'ready';
  }

  /** It gets a worker as soon as the pool says so. */
  request(): void {
    this.#timer = undefined;
    this.#become('starting');
    if (this.state === 'starting') this.wantsStart(this);
  }

  /** A failed slot has as many tries as a new one. */
  revive(): void {
    this.#failedStarts = 0;
    this.request();
  }

  /** Resolves when the worker is ready, or has ended. */
  start(): Promise<void> {
    if (this.state === 'closed') return Promise.resolve();
    this.starts++;
    return new Promise((resolve) => {
      this.#settled = resolve;
      this.worker = new Worker(this.nextNumber(), this.spec, this.events);
      this.#become('starting');
    });
  }

  ready(): void {
    this.#settled();
    this.#failedStarts = 0;
    this.error = undefined;
    this.#become('ready');
  }

  /**
   * Its worker hangs, for so long, and will be ended: starts the next without waiting for that, after a while when this
   * goes on. Undefined: it is not its worker any longer.
   */
  replaceHung(worker: Worker, hungMs: number): Series | undefined {
    if (this.worker !== worker) return undefined;
    this.worker = undefined;
    if (this.state === 'closed') return undefined;
    if (this.#isSettled(worker, hungMs)) this.#endSeries();
    else this.hangs++;
    const failures = this.crashes + this.hangs;
    if (failures > hangsAtOnce) this.#wait(failures - hangsAtOnce);
    else this.request();
    const { index, state, crashes, hangs } = this;
    return { index, state, crashes, hangs };
  }

  /** Its worker has ended: starts the next, after a while when this goes on. `wanted`: it was told to. False: it was replaced before. */
  ended(worker: Worker, failedStart: ProcguardError | undefined, wanted: boolean): boolean {
    if (this.worker !== worker) return false;
    this.#worksNoMore(worker, failedStart, wanted);
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#become('closed');
  }

  #worksNoMore(worker: Worker, failedStart: ProcguardError | undefined, wanted: boolean): void {
    this.#settled();
    this.worker = undefined;
    if (this.state === 'closed') return;
    if (failedStart !== undefined && !wanted) {
      this.error = failedStart;
      if (++this.#failedStarts >= this.restart.maxFailedStarts) this.#become('failed');
      else this.#wait(this.#failedStarts);
      return;
    }
    this.#failedStarts = 0;
    if (wanted || this.#isSettled(worker)) this.#endSeries();
    else this.crashes++;
    const failures = this.crashes + this.hangs;
    if (failures > 1) this.#wait(failures - 1);
    else this.request();
  }

  #isSettled({ startedAtMs }: Worker, hungMs = 0): boolean {
    return nowMs() - hungMs - startedAtMs > settledMs;
  }

  #endSeries(): void {
    this.crashes = 0;
    this.hangs = 0;
  }

  // Exponential, with jitter, so that workers that fell together don't rise together.
  #wait(failures: number): void {
    const { backoffMs, maxBackoffMs } = this.restart;
    const waitMs = Math.min(maxBackoffMs, backoffMs * 2 ** (failures - 1));
    this.#timer = setTimeout(() => this.request(), waitMs * (0.5 + Math.random() / 2));
    this.#become('waiting');
  }

  #become(state: SlotState): void {
    if (this.state === 'closed') return;
    this.state = state;
    this.changed(this);
  }
}
