import { nowMs } from '../clock.js';
import { ProcguardError } from '../errors.js';
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
  settled(task: Task, outcome: Outcome): void;
  /** Its worker has not answered since it was cancelled. */
  stuck(worker: Worker, task: Task): void;
}

export type Outcome = 'succeeded' | 'failed' | 'cancelled';

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
  /** The slot that its affinity has chosen. */
  slot: number | undefined;
  #retriesLeft: number;
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
    this.#retriesLeft = policy.retries;
    const { timeoutMs, signal } = policy;
    this.expiresAtMs = timeoutMs === undefined ? undefined : nowMs() + timeoutMs;
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#expire(timeoutMs), timeoutMs);
    if (signal !== undefined) this.#forgetSignal = onAbort(signal, () => this.cancel(signal.reason));
  }

  /** This worker gets it. */
  giveTo(worker: Worker): void {
    this.worker = worker;
    this.sink.given?.(worker);
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
    if (error instanceof WorkerDiedError && this.#retriesLeft > 0) {
      this.#retriesLeft--;
      this.owner.again(this, error);
    } else if (this.#settle('failed')) {
      this.sink.fail(error);
    }
  }

  giveBack(): void {
    this.#answered();
    if (!this.settled) this.owner.givenBack(this);
  }

  /** Nobody waits for it any more. */
  cancel(reason: unknown): void {
    if (!this.#settle('cancelled')) return;
    const { worker } = this;
    if (worker === undefined) {
      this.owner.withdrawn(this);
    } else {
      worker.cancel(this);
      this.#expectAnswer(worker);
    }
    this.sink.fail(reason);
  }

  /** The pool gives it up. */
  reject(error: Error): void {
    if (this.#settle('failed')) this.sink.fail(error);
  }

  #expire(timeoutMs: number): void {
    const where =
      this.worker === undefined ? 'It still waited for a worker.' : `Worker ${this.worker.pid} had it.`;
    this.cancel(
      new ProcguardError(
        'ERR_PROCGUARD_CALL_TIMEOUT',
        `${this.payload.method} got no answer within ${timeoutMs} ms. ${where} Raise \`timeoutMs\`, or see pool.stats() for what keeps the workers busy.`,
      ),
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

  #settle(outcome: Outcome): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#forgetSignal?.();
    this.owner.settled(this, outcome);
    return true;
  }
}
