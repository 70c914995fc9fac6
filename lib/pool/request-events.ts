import { nowMs } from '../clock.js';
import type { RequestEndEvent, RequestEvent, RequestOutcome, RequestStartEvent } from '../events/events.js';
import type { Outlet, Publisher } from '../events/publisher.js';
import type { Worker } from '../worker/worker.js';
import type { Task } from './task.js';

// Costs less than queueMicrotask, which keeps a record of each.
const soon = Promise.resolve();

/** Tells of requests. What nobody hears of costs one look each, and reads no clock. */
export class RequestEvents {
  readonly #submit: Outlet<'procguard:request:submit'>;
  readonly #start: Outlet<'procguard:request:start'>;
  readonly #end: Outlet<'procguard:request:end'>;
  /** When the answers that are being read were there. */
  #readAtMs: number | undefined;
  readonly #forgetRead = () => {
    this.#readAtMs = undefined;
  };

  constructor(
    private readonly pool: string,
    publisher: Publisher,
  ) {
    this.#submit = publisher.outlet('procguard:request:submit');
    this.#start = publisher.outlet('procguard:request:start');
    this.#end = publisher.outlet('procguard:request:end');
  }

  /** Returns the time, if it was looked at. */
  submitted(request: number, method: string): number | undefined {
    if (!this.#submit.isHeard) return undefined;
    const atMs = nowMs();
    this.#submit.publish(new Submitted(atMs, this.pool, request, method));
    return atMs;
  }

  /** `worker` has just been given it. */
  started(task: Task, worker: Worker): void {
    if (!this.#start.isHeard) return;
    const { sequence, payload, givenAtMs } = task;
    const waitMs = task.waitMs(givenAtMs);
    this.#start.publish(
      new Started(givenAtMs, this.pool, sequence, payload.method, worker.number, worker.pid, waitMs),
    );
  }

  ended(task: Task, outcome: RequestOutcome, error: unknown): void {
    if (!this.#end.isHeard) return;
    const atMs = outcome === 'succeeded' ? this.#readMs() : nowMs();
    const { sequence, payload, lastWorker } = task;
    this.#end.publish(
      new Ended(
        atMs,
        this.pool,
        sequence,
        payload.method,
        outcome,
        lastWorker?.number,
        task.waitMs(atMs),
        task.runMs(atMs),
        task.retries,
        error,
      ),
    );
  }

  /** A look at the clock takes as long as the rest of an event: answers that were read together share one. */
  #readMs(): number {
    if (this.#readAtMs === undefined) {
      this.#readAtMs = nowMs();
      void soon.then(this.#forgetRead);
    }
    return this.#readAtMs;
  }

  /** It never became a task. */
  refused(request: number, method: string, error: unknown): void {
    if (!this.#end.isHeard) return;
    this.#end.publish(new Ended(nowMs(), this.pool, request, method, 'refused', undefined, 0, 0, 0, error));
  }
}

// One class each, with one private field: a base class, or a second field, doubles what it takes to make them.

class Submitted implements RequestEvent {
  #at: LazyDate;

  constructor(
    atMs: number,
    readonly pool: string,
    readonly request: number,
    readonly method: string,
  ) {
    this.#at = atMs;
  }

  get at(): Date {
    this.#at = dateOf(this.#at);
    return this.#at;
  }

  toJSON(): object {
    return { ...this, at: this.at };
  }
}

class Started implements RequestStartEvent {
  #at: LazyDate;

  constructor(
    atMs: number,
    readonly pool: string,
    readonly request: number,
    readonly method: string,
    readonly worker: number,
    readonly pid: number | undefined,
    readonly waitMs: number,
  ) {
    this.#at = atMs;
  }

  get at(): Date {
    this.#at = dateOf(this.#at);
    return this.#at;
  }

  toJSON(): object {
    return { ...this, at: this.at };
  }
}

class Ended implements RequestEndEvent {
  #at: LazyDate;

  constructor(
    atMs: number,
    readonly pool: string,
    readonly request: number,
    readonly method: string,
    readonly outcome: RequestOutcome,
    readonly worker: number | undefined,
    readonly waitMs: number,
    readonly runMs: number,
    readonly retries: number,
    readonly error: unknown,
  ) {
    this.#at = atMs;
  }

  get at(): Date {
    this.#at = dateOf(this.#at);
    return this.#at;
  }

  toJSON(): object {
    return { ...this, at: this.at };
  }
}

/** Of the monotonic clock, until it is read. */
type LazyDate = number | Date;

function dateOf(at: LazyDate): Date {
  // The system's clock may have been set since this process began.
  return typeof at === 'number' ? new Date(Date.now() - (nowMs() - at)) : at;
}
