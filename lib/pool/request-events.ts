import { nowMs } from '../clock.js';
import type { RequestEndEvent, RequestEvent, RequestOutcome, RequestStartEvent } from '../events/events.js';
import type { Outlet, Publisher } from '../events/publisher.js';
import type { Worker } from '../worker/worker.js';
import type { Task } from './task.js';

/** Tells of requests. What nobody hears of costs one look each, and reads no clock. */
export class RequestEvents {
  readonly #submit: Outlet<'procguard:request:submit'>;
  readonly #start: Outlet<'procguard:request:start'>;
  readonly #end: Outlet<'procguard:request:end'>;

  constructor(
    private readonly pool: string,
    publisher: Publisher,
  ) {
    this.#submit = publisher.outlet('procguard:request:submit');
    this.#start = publisher.outlet('procguard:request:start');
    this.#end = publisher.outlet('procguard:request:end');
  }

  submitted(request: number, method: string): void {
    if (this.#submit.isHeard) this.#submit.publish(new Submitted(nowMs(), this.pool, request, method));
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
    const atMs = nowMs();
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

  /** It never became a task. */
  refused(request: number, method: string, error: unknown): void {
    if (!this.#end.isHeard) return;
    this.#end.publish(new Ended(nowMs(), this.pool, request, method, 'refused', undefined, 0, 0, 0, error));
  }
}

class Submitted implements RequestEvent {
  #atMs: number;
  #at: Date | undefined;

  constructor(
    atMs: number,
    readonly pool: string,
    readonly request: number,
    readonly method: string,
  ) {
    this.#atMs = atMs;
  }

  get at(): Date {
    // The system's clock may have been set since this process began.
    this.#at ??= new Date(Date.now() - (nowMs() - this.#atMs));
    return this.#at;
  }
}

class Started extends Submitted implements RequestStartEvent {
  constructor(
    atMs: number,
    pool: string,
    request: number,
    method: string,
    readonly worker: number,
    readonly pid: number | undefined,
    readonly waitMs: number,
  ) {
    super(atMs, pool, request, method);
  }
}

class Ended extends Submitted implements RequestEndEvent {
  constructor(
    atMs: number,
    pool: string,
    request: number,
    method: string,
    readonly outcome: RequestOutcome,
    readonly worker: number | undefined,
    readonly waitMs: number,
    readonly runMs: number,
    readonly retries: number,
    readonly error: unknown,
  ) {
    super(atMs, pool, request, method);
  }
}
