import type { Alerts } from '../alerts/alerts.js';
import { ProcguardError } from '../errors.js';
import { QueueFullError } from '../worker/errors.js';
import { checkParts, type Payload } from '../worker/request.js';
import type { Worker } from '../worker/worker.js';
import { slotOf } from './affinity.js';
import type { Changes } from './changes.js';
import { LoadIndex } from './load.js';
import { TaskQueue } from './queue.js';
import type { RequestEvents } from './request-events.js';
import type { Slots } from './slots.js';
import type { Stage } from './stage.js';
import type { RequestStats } from './stats.js';
import { type Outcome, Task, type TaskOwner, type TaskPolicy, type TaskSink } from './task.js';

interface Limits {
  readonly concurrency: number;
  readonly maxQueue: number;
  readonly cancelGraceMs: number;
}

/** Takes requests, and gives each to the worker of its affinity, or to the least loaded one; those that must wait are queued. */
export class Router implements TaskOwner {
  readonly #queue = new TaskQueue();
  readonly #load: LoadIndex;
  readonly #counts: Record<Outcome, number> = {
    succeeded: 0,
    failed: 0,
    timed_out: 0,
    cancelled: 0,
    died: 0,
  };
  readonly #isUsable = (slot: number) => {
    const state = this.slots.at(slot)?.state;
    return state !== 'failed' && state !== 'closed';
  };
  #inFlight = 0;
  #lastSequence = 0;

  constructor(
    private readonly limits: Limits,
    private readonly slots: Slots,
    private readonly stage: Stage,
    private readonly changes: Changes,
    private readonly alerts: Alerts,
    private readonly events: RequestEvents,
    /** A worker has not answered since this request was cancelled. */
    readonly stuck: (worker: Worker, task: Task) => void,
  ) {
    this.#load = new LoadIndex(limits.concurrency);
  }

  /** Requests that wait for a worker. */
  get queued(): number {
    return this.#queue.depth;
  }

  /** Requests that workers have. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get stats(): RequestStats {
    const { succeeded, failed, died, cancelled, timed_out: timedOut } = this.#counts;
    return {
      queued: this.queued,
      inFlight: this.#inFlight,
      succeeded,
      rejected: failed + died,
      cancelled: cancelled + timedOut,
    };
  }

  /** Throws a `QueueFullError`, the signal's reason, `ERR_PROCGUARD_POOL_FAILED` or `ERR_PROCGUARD_POOL_CLOSED`. */
  submit(payload: Payload, policy: TaskPolicy, sink: TaskSink): Task {
    const sequence = ++this.#lastSequence;
    const atMs = this.events.submitted(sequence, payload.method);
    try {
      this.#admit(policy);
    } catch (error) {
      this.events.refused(sequence, payload.method, error);
      throw error;
    }
    const task = new Task(payload, policy, sequence, sink, this, this.limits.cancelGraceMs);
    this.#place(task, atMs);
    return task;
  }

  /** Gives a worker what waits for it. */
  feed(worker: Worker): void {
    const slot = this.slots.ownerOf(worker);
    // The worker of a closed slot may have to wait for its turn to leave.
    if (slot === undefined || slot.state === 'closed') return;
    while (this.#load.mayTake(worker)) {
      const task = this.#queue.take(slot.index);
      if (task === undefined) break;
      this.#give(worker, task);
    }
    this.#load.update(worker);
  }

  /** A worker has so many requests less. */
  uncount(requests: number): void {
    this.#inFlight -= requests;
    if (this.stage.isClosing) this.changes.announce();
  }

  /** It gets no further requests. */
  suspend(worker: Worker): void {
    this.#load.suspend(worker);
  }

  /** It has ended, and held so many requests. */
  remove(worker: Worker, held: number): void {
    this.#load.remove(worker);
    this.uncount(held);
  }

  /** A slot gets no worker for what waits for it. */
  reroute(slot: number): void {
    for (const task of this.#queue.unpin(slot)) this.#place(task);
    if (this.slots.isFailed) this.rejectQueue(() => this.slots.failedError());
  }

  /** Returns how many there were. */
  rejectQueue(makeError: () => Error): number {
    const tasks = this.#queue.clear();
    for (const task of tasks) task.reject(makeError());
    return tasks.length;
  }

  withdrawn(): void {
    this.#queue.withdrawn();
    this.changes.announce();
  }

  again(task: Task, error: Error): void {
    this.#putBack(task, () => error);
    const idle = this.#load.least();
    if (idle !== undefined) this.feed(idle);
  }

  givenBack(task: Task): void {
    this.#putBack(task, () => (this.slots.isFailed ? this.slots.failedError() : closedTooEarly()));
  }

  /** It leaves, and has given so many requests back. */
  leaving(worker: Worker, givenBack: number): void {
    this.suspend(worker);
    this.uncount(givenBack);
    if (givenBack === 0) return;
    for (const { worker: other } of this.slots.all) {
      if (other !== undefined) this.feed(other);
    }
  }

  settled(task: Task, outcome: Outcome, error?: unknown): void {
    this.#counts[outcome]++;
    this.events.ended(task, outcome, error);
    if (this.stage.isClosing) this.changes.announce();
  }

  #admit(policy: TaskPolicy): void {
    this.stage.checkOpen();
    if (this.slots.isFailed) throw this.slots.failedError();
    policy.signal?.throwIfAborted();
    const worker = policy.affinity === undefined ? this.#load.least() : undefined;
    if (worker === undefined && this.queued >= this.limits.maxQueue && !this.#canTakeNow(policy))
      this.#refuse();
  }

  #refuse(): never {
    const { queued, inFlight } = this;
    this.alerts.raise(
      'queue_full',
      undefined,
      `A request was refused: ${queued} wait already, which is the pool's maxQueue.`,
      { queued, inFlight },
    );
    throw new QueueFullError(queued);
  }

  #canTakeNow({ affinity }: TaskPolicy): boolean {
    if (affinity === undefined) return false;
    const worker = this.#workerOf(this.#pick(affinity));
    return worker !== undefined && this.#load.mayTake(worker);
  }

  /** `atMs` is now, if that is known. */
  #place(task: Task, atMs?: number): void {
    const { affinity } = task.policy;
    task.slot = affinity === undefined ? undefined : this.#pick(affinity);
    const worker = task.slot === undefined ? this.#load.least() : this.#workerOf(task.slot);
    if (worker !== undefined && this.#load.mayTake(worker)) this.#give(worker, task, atMs);
    else {
      task.wait();
      this.#queue.push(task);
    }
  }

  #putBack(task: Task, makeError: () => Error): void {
    task.wait();
    const serving = this.slots.all.filter(({ state }) => state !== 'failed' && state !== 'closed');
    if (serving.length === 0) {
      task.reject(makeError());
      return;
    }
    if (!serving.some(({ index }) => index === task.slot)) {
      const { affinity } = task.policy;
      task.slot = affinity === undefined ? undefined : this.#pick(affinity);
    }
    this.#queue.pushBack(task);
  }

  #pick(affinity: string): number | undefined {
    return slotOf(affinity, this.slots.size, this.#isUsable);
  }

  #workerOf(slot: number | undefined): Worker | undefined {
    return slot === undefined ? undefined : this.slots.at(slot)?.worker;
  }

  #give(worker: Worker, task: Task, atMs?: number): void {
    try {
      checkParts(task.payload);
    } catch (error) {
      task.reject(error as Error);
      return;
    }
    task.giveTo(worker);
    this.#inFlight++;
    worker.send(task, atMs);
    this.events.started(task, worker);
    this.#load.update(worker);
  }
}

function closedTooEarly(): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_POOL_CLOSED',
    'The pool was closed, and its worker left before it began this request.',
  );
}
