import type { ProcguardError } from '../errors.js';
import type { ReplaceReason, StartReason } from '../events/events.js';
import type { WorkerSpec } from '../worker/start.js';
import { Worker, type WorkerEvents } from '../worker/worker.js';
import type { DismissReason } from './dismissal.js';
import type { RestartConfig } from './options.js';

/** `starting`, `ready`, `waiting` before the next start, `failed` after `restart.maxFailedStarts` in a row, `closed`. */
export type SlotState = 'starting' | 'ready' | 'waiting' | 'failed' | 'closed';

export interface SlotEvents extends WorkerEvents {
  started(worker: Worker): void;
  /** The slot gets another worker in place of this one, its last, `backoffMs` from now. */
  replaced(worker: Worker, reason: ReplaceReason, backoffMs: number): void;
}

// A worker that has run this long is not one of a series of crashes.
const settledMs = 10_000;

/** A place for one worker after another. */
export class Slot {
  state: SlotState = 'starting';
  worker: Worker | undefined;
  /** Workers that it has had. */
  starts = 0;
  /** Why it is `failed`, or why the last start failed. */
  error: ProcguardError | undefined;
  #failedStarts = 0;
  /** Its last workers, so many in a row, ended soon after they were ready. */
  crashes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Its last. */
  #last: Worker | undefined;
  #startReason: StartReason = 'new';
  #settled = () => {};

  constructor(
    readonly index: number,
    private readonly spec: WorkerSpec,
    private readonly restart: RestartConfig,
    private readonly events: SlotEvents,
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
    if (this.#last !== undefined) this.#replace(this.#last, 'revived');
    else this.request();
  }

  /** Resolves when the worker is ready, or has ended. */
  start(): Promise<void> {
    if (this.state === 'closed') return Promise.resolve();
    this.starts++;
    return new Promise((resolve) => {
      this.#settled = resolve;
      const place = { slot: this.index, reason: this.#startReason };
      const worker = new Worker(this.nextNumber(), this.spec, this.events, place);
      this.worker = worker;
      this.#last = worker;
      this.#become('starting');
      this.events.started(worker);
    });
  }

  ready(): void {
    this.#settled();
    this.#failedStarts = 0;
    this.error = undefined;
    this.#become('ready');
  }

  /** Its worker will be ended, and is no longer waited for. */
  replaceAtOnce(): void {
    const { worker } = this;
    this.worker = undefined;
    if (this.state !== 'closed' && worker !== undefined) this.#replace(worker, 'unhealthy');
  }

  /** Its worker has ended: starts the next, after a while when this goes on. `expected`: why it was told to. */
  ended(worker: Worker, failedStart: ProcguardError | undefined, expected: DismissReason | undefined): void {
    // It was replaced before.
    if (this.worker !== worker) return;
    this.#settled();
    this.worker = undefined;
    if (this.state === 'closed') return;
    const isWanted = expected !== undefined;
    if (failedStart !== undefined && !isWanted) {
      this.error = failedStart;
      if (++this.#failedStarts >= this.restart.maxFailedStarts) this.#become('failed');
      else this.#replace(worker, 'start_failed', this.#backoffMs(this.#failedStarts));
      return;
    }
    this.#failedStarts = 0;
    this.crashes = isWanted || performance.now() - worker.startedAtMs > settledMs ? 0 : this.crashes + 1;
    this.#replace(
      worker,
      replaceReason(worker, expected),
      this.crashes > 1 ? this.#backoffMs(this.crashes - 1) : 0,
    );
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#become('closed');
  }

  #replace(worker: Worker, reason: ReplaceReason, backoffMs = 0): void {
    this.#startReason = reason;
    this.events.replaced(worker, reason, backoffMs);
    if (backoffMs === 0) {
      this.request();
      return;
    }
    this.#timer = setTimeout(() => this.request(), backoffMs);
    this.#become('waiting');
  }

  // Exponential, with jitter, so that workers that fell together don't rise together.
  #backoffMs(failures: number): number {
    const { backoffMs, maxBackoffMs } = this.restart;
    return Math.min(maxBackoffMs, backoffMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  }

  #become(state: SlotState): void {
    if (this.state === 'closed') return;
    this.state = state;
    this.changed(this);
  }
}

function replaceReason({ exit }: Worker, expected: DismissReason | undefined): ReplaceReason {
  if (expected !== undefined && expected !== 'for_good') return expected;
  const reason = exit?.reason;
  return reason === undefined || reason === 'killed' ? 'crashed' : reason;
}
