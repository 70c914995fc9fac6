import { nowMs } from '../clock.js';
import { ProcguardError } from '../errors.js';
import type { RequestOutcome } from '../events/events.js';
import type { Trace } from '../wire/messages.js';
import { WorkerDiedError } from '../worker/errors.js';
import type { Payload, WorkRequest } from '../worker/request.js';
import type { Worker } from '../worker/worker.js';
import { onAbort } from './on-abort.js';

/** How a request is to be treated. */
export interface TaskPolicy {
  readonly priority: number;
  /** Requests with the same key go to the same worker while it lives. */
  readonly affinity: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** How often it is given to another worker when one died with it. */
  readonly retries: number;
}

/** Whoever made the request. */
export interface TaskSink {
  succeed(value: unknown): void;
  item(value: unknown): void;
  fail(error: unknown): void;
  /** Where the request belongs in a distributed trace. */
  readonly trace?: Trace | undefined;
  /** This worker gets it. */
  given?(worker: Worker): void;
}

/** What the pool does for its tasks. */
export interface TaskOwner {
  /** It is settled while it waits in the queue. */
  withdrawn(task: Task): void;
  /** Its worker died of `error`, and it may run again. */
  again(task: Task, error: Error): void;
  /** Its worker leaves, and never began it. */
  givenBack(task: Task): void;
  settled(task: Task, outcome: Outcome, error?: unknown): void;
  /** Its worker has not answered since it was cancelled. */
  stuck(worker: Worker, task: Task): void;
}

export type Outcome = Exclude<RequestOutcome, 'refused'>;

/** One request, from the call to its one settlement. */
export class Task implements WorkRequest {
  id = 0;
  givenAtMs = 0;
  readonly expiresAtMs: number | undefined;
  credit: number | undefined;
  isUnderWay = false;
  settled = false;
  /** Which worker has it. */
  worker: Worker | undefined;
  /** Which had it last. */
  lastWorker: Worker | undefined;
  /** The slot that its affinity has chosen. */
  slot: number | undefined;
  /** How often it was given to another after its worker had died. */
  retries = 0;
  #isWaiting = false;
  /** Undefined as long as it never had to wait. */
  #madeAtMs: number | undefined;
  /** With the worker that had it last, before it waited again. */
  #ranMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stuckTimer: NodeJS.Timeout | undefined;
  #forgetSignal: (() => void) | undefined;

  constructor(
    readonly payload: Payload,
    readonly policy: TaskPolicy,
    /** Its place among those of its priority. */
    readonly sequence: number,
    private readonly sink: TaskSink,
    private readonly owner: TaskOwner,
    private readonly cancelGraceMs: number,
  ) {
    const { timeoutMs, signal } = policy;
    this.expiresAtMs = timeoutMs === undefined ? undefined : nowMs() + timeoutMs;
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#expire(timeoutMs), timeoutMs);
    if (signal !== undefined) this.#forgetSignal = onAbort(signal, () => this.cancel(signal.reason));
  }

  /** No worker can take it now. */
  wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const atMs = nowMs();
    if (this.lastWorker === undefined) {
      this.#madeAtMs = atMs;
    } else {
      this.#madeAtMs ??= this.givenAtMs;
      this.#ranMs = atMs - this.givenAtMs;
    }
  }

  giveTo(worker: Worker): void {
    this.#isWaiting = false;
    this.worker = worker;
    this.lastWorker = worker;
    this.sink.given?.(worker);
  }

  /** All of its time until `atMs` but that with its last worker. */
  waitMs(atMs: number): number {
    if (this.#madeAtMs === undefined) return 0;
    return this.#isWaiting ? atMs - this.#madeAtMs - this.#ranMs : this.givenAtMs - this.#madeAtMs;
  }

  /** With its last worker. */
  runMs(atMs: number): number {
    if (this.lastWorker === undefined) return 0;
    return this.#isWaiting ? this.#ranMs : atMs - this.givenAtMs;
  }

  succeed(value: unknown): void {
    this.#answered();
    if (this.#settle('succeeded')) this.sink.succeed(value);
  }

  item(value: unknown): void {
    if (!this.settled) this.sink.item(value);
  }

  fail(error: Error): void {
    this.#answered();
    if (this.settled) return;
    // A stream that has delivered items can't be begun again: its retries are 0.
    if (error instanceof WorkerDiedError && this.retries < this.policy.retries) {
      this.retries++;
      this.owner.again(this, error);
    } else {
      this.reject(error);
    }
  }

  giveBack(): void {
    this.#answered();
    if (!this.settled) this.owner.givenBack(this);
  }

  /** Nobody waits for it any more. */
  cancel(reason: unknown, outcome: Outcome = 'cancelled'): void {
    if (!this.#settle(outcome, reason)) return;
    const { worker } = this;
    if (worker === undefined) {
      this.owner.withdrawn(this);
    } else {
      worker.cancel(this);
      this.#expectAnswer(worker);
    }
    this.sink.fail(reason);
  }

  /** Its handler threw, its worker died, or the pool gives it up. */
  reject(error: Error): void {
    const outcome = error instanceof WorkerDiedError ? 'died' : 'failed';
    if (this.#settle(outcome, error)) this.sink.fail(error);
  }

  #expire(timeoutMs: number): void {
    const where =
      this.worker === undefined ? 'It still waited for a worker.' : `Worker ${this.worker.pid} had it.`;
    this.cancel(
      new ProcguardError(
        'ERR_PROCGUARD_CALL_TIMEOUT',
        `${this.payload.method} got no answer within ${timeoutMs} ms. ${where} Raise \`timeoutMs\`, or see pool.stats() for what keeps the workers busy.`,
      ),
      'timed_out',
    );
  }

  /** It was cancelled, and its worker should soon say so. */
  #expectAnswer(worker: Worker): void {
    const look = () => {
      if (this.worker !== worker) return;
      // A worker that serves one request after the other may not have got to it yet.
      if (worker.hasOlder(this)) this.#expectAnswer(worker);
      else this.owner.stuck(worker, this);
    };
    // After a stall of the loop the timer comes before the answer that waits to be read.
    this.#stuckTimer = setTimeout(() => setImmediate(look), this.cancelGraceMs);
  }

  #answered(): void {
    clearTimeout(this.#stuckTimer);
    this.worker = undefined;
  }

  #settle(outcome: Outcome, error?: unknown): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#forgetSignal?.();
    this.owner.settled(this, outcome, error);
    return true;
  }
}
