import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { atMost, nowMs } from '../clock.js';
import type { PoolSettings } from '../config/pool-options.js';
import { maxSize } from '../config/schema.js';
import { checkKeys, invalidOption, ProcguardError } from '../errors.js';
import { QueueFullError } from '../worker/errors.js';
import { makePayload, type Payload } from '../worker/request.js';
import type { Worker } from '../worker/worker.js';
import { slotOf } from './affinity.js';
import { LoadIndex } from './load.js';
import { type PoolConfig, type PoolOptions, parseOptions, wholeNumber } from './options.js';
import { Pace } from './pace.js';
import { TaskQueue } from './queue.js';
import { Remains } from './remains.js';
import { reasonToRetire, rssBytes } from './retire.js';
import { onShutdownSignals } from './signals.js';
import { Slot, type SlotState } from './slot.js';
import { ItemStream, streamCredit } from './stream.js';
import { type Outcome, Task, type TaskPolicy, type TaskSink } from './task.js';

export interface StreamOptions {
  /** Milliseconds until the answer, or the end of the stream, waiting included; 1 to 2147483647. The default is no limit. */
  timeoutMs?: number | undefined;
  /** Cancels the request; its promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Requests with the same key go to the same worker while it lives, and wait for it. */
  affinity?: string | undefined;
  /** -1000 to 1000; the higher goes first. The default is 0. */
  priority?: number | undefined;
}

export interface CallOptions extends StreamOptions {
  /** How often the call is given to another worker when one died with it; 0 (the default) to 100. Needs `idempotent: true`. */
  retries?: number | undefined;
  /** The caller's word that the call may run twice. */
  idempotent?: boolean | undefined;
}

export interface PoolStats {
  /** Slots. */
  readonly size: number;
  readonly ready: number;
  readonly failed: number;
  /** Requests that wait for a worker. */
  readonly queued: number;
  /** Requests that workers have, those included that were cancelled and not yet answered. */
  readonly inFlight: number;
  /** Since the pool was made; each request counts once, in one of the three. */
  readonly succeeded: number;
  readonly rejected: number;
  readonly cancelled: number;
  readonly workers: readonly WorkerStats[];
}

export interface WorkerStats {
  readonly slot: number;
  readonly state: SlotState | 'leaving';
  readonly pid: number | undefined;
  readonly inFlight: number;
  readonly requests: number;
  readonly ageMs: number;
  /** Workers that this slot has had before. */
  readonly restarts: number;
  /** Why the last start failed. */
  readonly error: ProcguardError | undefined;
}

export interface CloseReport {
  /** Workers that finished their requests and left by themselves. */
  readonly drained: number;
  /** Processes that had to be killed, descendants of workers included. */
  readonly killed: number;
  /** Processes that nothing could kill; 0 is the proof that all are gone. */
  readonly survivors: number;
  /** Requests that were given up. */
  readonly abandoned: number;
  readonly durationMs: number;
}

const maxTimeoutMs = 2 ** 31 - 1;
// Between SIGTERM and SIGKILL, for a worker that did not leave in time.
const termGraceMs = 3000;
// A worker that takes longer to its hello waits for a disk, a network or a GPU, and the next need not wait for it.
const startPatienceMs = 500;
// The same for one that leaves. All of them must be told well within the time that they have.
const leavePatienceMs = 100;
const inspectEveryMs = 1000;
// Not before, or after, a start.
const settledStates: ReadonlySet<SlotState> = new Set(['ready', 'failed', 'closed']);
const streamOptionKeys = ['timeoutMs', 'signal', 'affinity', 'priority'];
const callOptionKeys = [...streamOptionKeys, 'retries', 'idempotent'];
// A call has no items.
const neverCalled = () => {};

/**
 * Keeps `size` workers busy, and never leaves one behind.
 *
 * ```ts
 * await using pool = new Pool({ command: 'python3', args: ['worker.py'], size: 4 });
 * const vector = await pool.call('embed', ['hello']);
 * ```
 *
 * Throws `ERR_PROCGUARD_INVALID_OPTION`.
 */
export class Pool {
  readonly #config: PoolConfig;
  readonly #slots = new Map<number, Slot>();
  readonly #owners = new Map<Worker, Slot>();
  readonly #queue = new TaskQueue();
  readonly #load = new LoadIndex();
  readonly #remains = new Remains();
  readonly #counts = { succeeded: 0, failed: 0, cancelled: 0 };
  /** Workers that were told to leave, and are not a failure when they end. */
  readonly #told = new Set<Worker>();
  readonly #watchers = new Set<() => void>();
  readonly #toStart: Slot[] = [];
  readonly #startPace = new Pace(startPatienceMs);
  #isStarting = false;
  #inFlight = 0;
  #lastSequence = 0;
  #lastNumber = 0;
  #closing: Promise<CloseReport> | undefined;
  #replacing: Promise<void> = Promise.resolve();
  readonly #takeBacks: (() => void)[] = [];
  #inspector: NodeJS.Timeout | undefined;
  #hurry!: () => void;
  readonly #hurried = new Promise<void>((resolve) => {
    this.#hurry = resolve;
  });

  constructor(options: PoolOptions) {
    this.#config = parseOptions(options);
    for (let i = 0; i < this.#config.size; i++) this.#addSlot();
    if (
      this.#config.maxAgeMs !== Number.POSITIVE_INFINITY ||
      this.#config.maxRssBytes !== Number.POSITIVE_INFINITY
    )
      this.#inspector = setInterval(() => void this.#inspect(), inspectEveryMs).unref();
  }

  /**
   * Resolves to what the worker's handler returns. Rejects with a `WorkerError` (the handler threw), a `WorkerDiedError`, a
   * `QueueFullError`, with the signal's reason, or with `ERR_PROCGUARD_CALL_TIMEOUT`, `ERR_PROCGUARD_UNKNOWN_METHOD`,
   * `ERR_PROCGUARD_UNSERIALIZABLE`, `ERR_PROCGUARD_TOO_LARGE`, `ERR_PROCGUARD_POOL_FAILED`, `ERR_PROCGUARD_POOL_CLOSED` or
   * `ERR_PROCGUARD_INVALID_OPTION`.
   */
  call<T = unknown>(method: string, args?: readonly unknown[], options?: CallOptions): Promise<T>;
  call(method: string, args: readonly unknown[] = [], options?: CallOptions): Promise<unknown> {
    // What is thrown in here rejects the promise.
    return new Promise((succeed, fail) => {
      const policy = checkPolicy(method, args, options, callOptionKeys);
      this.#submit(makePayload(method, args), policy, { succeed, item: neverCalled, fail });
    });
  }

  /**
   * The items of a handler that is a generator, as they come; the worker waits while the reader does. The request
   * is made at once, and cancelled when the loop is left. What `call` rejects with before anything is sent is thrown at
   * once; the rest, by the iteration.
   */
  stream<T = unknown>(
    method: string,
    args: readonly unknown[] = [],
    options?: StreamOptions,
  ): AsyncIterableIterator<T> {
    const policy = checkPolicy(method, args, options, streamOptionKeys);
    const stream = new ItemStream<T>();
    const task = this.#submit(makePayload(method, args, streamCredit), policy, stream);
    stream.hooks = {
      credit: (items) => task.worker?.giveCredit(task, items),
      cancel: () => task.cancel(undefined),
    };
    return stream;
  }

  /**
   * Resolves when every slot has a ready worker, or has failed and another is ready. Rejects with
   * `ERR_PROCGUARD_POOL_FAILED` when all have failed, and with `ERR_PROCGUARD_POOL_CLOSED`.
   */
  async ready(): Promise<void> {
    await this.#until(() => {
      if (this.#closing !== undefined) throw closedError();
      const slots = [...this.#slots.values()];
      if (slots.every(({ state }) => state === 'failed')) throw this.#failedError();
      return slots.every(({ state }) => state === 'ready' || state === 'failed');
    });
  }

  stats(): PoolStats {
    const slots = [...this.#slots.values()];
    return {
      size: slots.length,
      ready: slots.filter(({ state }) => state === 'ready').length,
      failed: slots.filter(({ state }) => state === 'failed').length,
      queued: this.#queue.depth,
      inFlight: this.#inFlight,
      succeeded: this.#counts.succeeded,
      rejected: this.#counts.failed,
      cancelled: this.#counts.cancelled,
      workers: slots.map(({ index, state, worker, starts, error }) => ({
        slot: index,
        state: worker?.state === 'leaving' ? 'leaving' : state,
        pid: worker?.pid,
        inFlight: worker?.inFlight ?? 0,
        requests: worker?.requests ?? 0,
        ageMs: worker === undefined ? 0 : nowMs() - worker.startedAtMs,
        restarts: Math.max(0, starts - 1),
        error,
      })),
    };
  }

  /**
   * The values in force and where each came from, as they were when the pool was made; the key `env` is left out.
   *
   * ```ts
   * pool.config().size; // { value: 8, source: 'environment', variable: 'PROCGUARD_SIZE' }
   * ```
   */
  config(): PoolSettings {
    return this.#config.settings;
  }

  /**
   * Replaces every worker, one after the other: each finishes its requests, leaves, and the next is ready before
   * another goes. Revives failed slots. One restart waits for another's end. Rejects with `ERR_PROCGUARD_POOL_FAILED`
   * when a replacement doesn't start, and with `ERR_PROCGUARD_POOL_CLOSED`.
   */
  restart(): Promise<void> {
    return this.#oneAtATime(() => this.#restart());
  }

  async #restart(): Promise<void> {
    if (this.#closing !== undefined) throw closedError();
    for (const slot of [...this.#slots.values()]) {
      if (this.#closing !== undefined) throw closedError();
      if (slot.state === 'failed') slot.request();
      else if (slot.worker !== undefined) await this.#replace(slot.worker);
      await this.#until(() => {
        if (this.#closing !== undefined) throw closedError();
        if (slot.state === 'failed') throw this.#failedError();
        return slot.state === 'ready' || slot.state === 'closed';
      });
    }
  }

  /** Adds workers, or lets the newest go as soon as they have finished their requests. 1 to 10000. */
  resize(size: number): void {
    wholeNumber('size', size ?? null, 1, maxSize, 1);
    if (this.#closing !== undefined) throw closedError();
    while (this.#slots.size < size) this.#addSlot();
    const surplus = [...this.#slots.values()].slice(size);
    for (const slot of surplus) {
      this.#slots.delete(slot.index);
      slot.close();
      if (slot.worker !== undefined) void this.#dismiss(slot.worker, this.#config.graceMs).catch(() => {});
      for (const task of this.#queue.unpin(slot.index)) this.#place(task);
    }
    if (this.#isFailed()) this.#rejectQueue();
    this.#notify();
  }

  /**
   * Drains: no new requests; those that wait or are in flight finish within `graceMs` (0 to 300000, the default is
   * `shutdown.graceMs`); then SIGTERM, SIGKILL, and verified. Calling it again returns the same promise.
   */
  close(options: { graceMs?: number | undefined } = {}): Promise<CloseReport> {
    checkKeys('options', options, ['graceMs']);
    const graceMs = wholeNumber('graceMs', options.graceMs, 0, 300_000, this.#config.graceMs);
    this.#closing ??= this.#close(graceMs).finally(() => {
      for (const takeBack of this.#takeBacks) takeBack();
    });
    this.#notify();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Drains on SIGTERM and SIGINT, and then ends this process by that signal, as it would have ended without, unless
   * the program has a handler for that signal too. A second signal ends the drain at once. Returns a function that takes
   * this back; `close()` does so as well.
   */
  handleSignals(): () => void {
    const takeBack = onShutdownSignals({
      drain: () => this.close(),
      hurry: () => this.#hurryUp(),
    });
    this.#takeBacks.push(takeBack);
    return takeBack;
  }

  #hurryUp(): void {
    this.#hurry();
    for (const worker of this.#owners.keys()) {
      if (worker.isTerminating) void worker.terminate('was shut down', 0).catch(() => {});
    }
  }

  #submit(payload: Payload, policy: TaskPolicy, sink: TaskSink): Task {
    if (this.#closing !== undefined) throw closedError();
    if (this.#slots.size > 0 && this.#isFailed()) throw this.#failedError();
    policy.signal?.throwIfAborted();
    const worker = policy.affinity === undefined ? this.#leastLoaded() : undefined;
    if (worker === undefined && this.#queue.depth >= this.#config.maxQueue && !this.#canTakeNow(policy))
      throw new QueueFullError(this.#queue.depth);
    const task = new Task(
      payload,
      policy,
      ++this.#lastSequence,
      sink,
      this.#taskOwner,
      this.#config.cancelGraceMs,
    );
    this.#place(task);
    return task;
  }

  #canTakeNow({ affinity }: TaskPolicy): boolean {
    if (affinity === undefined) return false;
    const worker = this.#slots.get(this.#pick(affinity) ?? -1)?.worker;
    return worker !== undefined && this.#mayTake(worker);
  }

  #place(task: Task): void {
    const { affinity } = task.policy;
    task.slot = affinity === undefined ? undefined : this.#pick(affinity);
    const worker = task.slot === undefined ? this.#leastLoaded() : this.#slots.get(task.slot)?.worker;
    if (worker !== undefined && this.#mayTake(worker)) this.#give(worker, task);
    else this.#queue.push(task);
  }

  #pick(affinity: string): number | undefined {
    return slotOf(affinity, this.#slots.size, (slot) => this.#slots.get(slot)?.state !== 'failed');
  }

  #mayTake(worker: Worker): boolean {
    return worker.state === 'ready' && worker.inFlight < this.#config.concurrency && !worker.isClogged;
  }

  /** The index isn't told of a worker that breaks the protocol or is ended while it is idle. */
  #leastLoaded(): Worker | undefined {
    for (;;) {
      const worker = this.#load.least();
      if (worker === undefined || this.#mayTake(worker)) return worker;
      this.#load.remove(worker);
    }
  }

  #give(worker: Worker, task: Task): void {
    task.worker = worker;
    this.#inFlight++;
    worker.send(task);
    this.#reindex(worker);
  }

  #reindex(worker: Worker): void {
    if (this.#mayTake(worker)) this.#load.update(worker);
    else this.#load.suspend(worker);
  }

  /** Gives a worker what waits for it. */
  #feed(worker: Worker): void {
    const slot = this.#owners.get(worker);
    if (slot === undefined) return;
    while (this.#mayTake(worker)) {
      const task = this.#queue.take(slot.index);
      if (task === undefined) break;
      this.#give(worker, task);
    }
    this.#reindex(worker);
  }

  readonly #taskOwner = {
    withdrawn: () => {
      this.#queue.withdrawn();
      this.#notify();
    },
    again: (task: Task, error: Error) => {
      const serving = [...this.#slots.values()].filter(
        ({ state }) => state !== 'failed' && state !== 'closed',
      );
      if (serving.length === 0) return task.reject(error);
      if (!serving.some(({ index }) => index === task.slot)) task.slot = undefined;
      this.#queue.pushBack(task);
      const idle = this.#leastLoaded();
      if (idle !== undefined) this.#feed(idle);
    },
    settled: (_task: Task, outcome: Outcome) => {
      this.#counts[outcome]++;
      if (this.#closing !== undefined) this.#notify();
    },
    stuck: (worker: Worker) => {
      void worker.terminate('did not answer a cancelled request', 0).catch(() => {});
    },
  };

  readonly #workerEvents = {
    ready: (worker: Worker) => {
      this.#owners.get(worker)?.ready();
      this.#feed(worker);
    },
    free: (worker: Worker, answered: number) => {
      this.#uncount(answered);
      const reason = worker.state === 'ready' ? reasonToRetire(this.#config, worker) : undefined;
      if (reason !== undefined) this.#retire(worker);
      this.#feed(worker);
    },
    output: (line: Parameters<PoolConfig['onOutput']>[0]) => this.#config.onOutput(line),
    ended: (worker: Worker, failedStart: ProcguardError | undefined, held: number) => {
      const slot = this.#owners.get(worker);
      this.#owners.delete(worker);
      this.#load.remove(worker);
      this.#uncount(held);
      if (worker.child?.pid !== undefined) this.#remains.add(worker.child);
      slot?.ended(worker, failedStart, this.#told.delete(worker));
      this.#notify();
    },
  };

  #uncount(requests: number): void {
    this.#inFlight -= requests;
    if (this.#closing !== undefined) this.#notify();
  }

  #addSlot(): void {
    const slot = new Slot(
      this.#slots.size,
      this.#config.spec,
      this.#config.restart,
      this.#workerEvents,
      (changed) => this.#slotChanged(changed),
      () => ++this.#lastNumber,
      (wanting) => this.#start(wanting),
    );
    this.#slots.set(slot.index, slot);
    slot.request();
  }

  #start(slot: Slot): void {
    this.#toStart.push(slot);
    if (!this.#isStarting) void this.#startAll();
  }

  async #startAll(): Promise<void> {
    this.#isStarting = true;
    for (;;) {
      // A start blocks the loop for about a millisecond, so each has a turn of its own.
      await turnOfLoop();
      await this.#startPace.turn();
      const slot = this.#toStart.shift();
      if (slot === undefined) break;
      if (slot.state !== 'closed') this.#startPace.begin(slot.start());
    }
    this.#isStarting = false;
  }

  #slotChanged(slot: Slot): void {
    if (slot.worker !== undefined && slot.worker.state !== 'ended') this.#owners.set(slot.worker, slot);
    if (slot.state === 'failed') {
      for (const task of this.#queue.unpin(slot.index)) this.#place(task);
      if (this.#isFailed()) this.#rejectQueue();
    }
    this.#notify();
  }

  #rejectQueue(): void {
    for (const task of this.#queue.clear()) task.reject(this.#failedError());
  }

  #isFailed(): boolean {
    for (const { state } of this.#slots.values()) if (state !== 'failed') return false;
    return true;
  }

  #failedError(): ProcguardError {
    const slot = [...this.#slots.values()].find(({ state }) => state === 'failed');
    return new ProcguardError(
      'ERR_PROCGUARD_POOL_FAILED',
      `Workers of the pool failed to start ${times(this.#config.restart.maxFailedStarts)} in a row, and it does not try again until restart() is called. ${slot?.error?.message ?? ''}`,
      { cause: slot?.error },
    );
  }

  #retire(worker: Worker): void {
    const slot = this.#owners.get(worker);
    if (slot === undefined || this.#told.has(worker) || this.#closing !== undefined) return;
    // One at a time: a pool whose workers are of one age must not lose them all at once.
    this.#told.add(worker);
    this.#oneAtATime(async () => {
      if (worker.state !== 'ready' || this.#closing !== undefined) return;
      await this.#replace(worker);
      await this.#until(() => settledStates.has(slot.state) || this.#closing !== undefined);
    }).catch(() => {});
  }

  #oneAtATime(replace: () => Promise<void>): Promise<void> {
    const replaced = this.#replacing.then(replace);
    this.#replacing = replaced.catch(() => {});
    return replaced;
  }

  async #inspect(): Promise<void> {
    for (const worker of [...this.#owners.keys()]) {
      if (worker.state !== 'ready' || worker.pid === undefined) continue;
      const rss = this.#config.maxRssBytes === Number.POSITIVE_INFINITY ? 0 : await rssBytes(worker.pid);
      if ((rss ?? 0) > this.#config.maxRssBytes || reasonToRetire(this.#config, worker) !== undefined)
        this.#retire(worker);
    }
  }

  async #replace(worker: Worker): Promise<void> {
    this.#told.add(worker);
    await this.#dismiss(worker, this.#config.graceMs);
  }

  /** Lets a worker finish and leave, and ends it when that takes too long. Resolves when it has ended. */
  async #dismiss(worker: Worker, graceMs: number): Promise<{ killed: number; survivors: number[] }> {
    this.#load.suspend(worker);
    // It has nothing to finish.
    const isStarting = worker.state === 'starting';
    worker.leave();
    await atMost(
      isStarting ? Math.min(graceMs, termGraceMs) : graceMs,
      Promise.race([worker.done, this.#hurried]),
    );
    if (worker.state === 'ended') return { killed: 0, survivors: [] };
    const report = await worker.terminate('was shut down', isStarting ? 0 : await this.#termGraceMs());
    await atMost(termGraceMs, worker.done);
    // A second signal may have sent SIGKILL before the report's did.
    const wasKilled = worker.child?.signalCode === 'SIGKILL' ? 1 : 0;
    return { killed: Math.max(report?.killed.length ?? 0, wasKilled), survivors: report?.survivors ?? [] };
  }

  async #termGraceMs(): Promise<number> {
    const now = Symbol('now');
    const hurried = (await Promise.race([this.#hurried, Promise.resolve(now)])) !== now;
    return hurried ? 0 : termGraceMs;
  }

  async #close(graceMs: number): Promise<CloseReport> {
    const startedMs = nowMs();
    clearInterval(this.#inspector);
    const starting = [...this.#slots.values()].filter(({ worker }) => worker === undefined);
    // A slot without a worker is still needed while requests wait for one.
    await Promise.resolve();
    if (this.#queue.depth === 0) for (const slot of starting) slot.close();
    const idle = this.#until(() => this.#queue.depth === 0 && this.#inFlight === 0);
    await atMost(graceMs, Promise.race([idle, this.#hurried]));
    for (const slot of this.#slots.values()) slot.close();
    let abandoned = 0;
    for (const task of this.#queue.clear()) {
      abandoned++;
      task.reject(
        new ProcguardError(
          'ERR_PROCGUARD_POOL_CLOSED',
          `The pool was closed, and ${graceMs} ms were not enough for this request to get a worker.`,
        ),
      );
    }
    abandoned += this.#inFlight;
    const leftMs = abandoned > 0 ? 0 : Math.max(termGraceMs, graceMs - (nowMs() - startedMs));
    const untilMs = nowMs() + leftMs;
    const workers = [...this.#owners.keys()];
    for (const worker of workers) this.#told.add(worker);
    let drained = 0;
    let killed = 0;
    const survivors = this.#remains.survivors;
    const end = async (worker: Worker) => {
      const report = await this.#dismiss(worker, Math.max(0, untilMs - nowMs()));
      if (report.killed === 0 && worker.inFlight === 0) drained++;
      killed += report.killed;
      for (const pid of report.survivors) survivors.add(pid);
    };
    const pace = new Pace(leavePatienceMs);
    const ends: Promise<void>[] = [];
    let error: Error | undefined;
    for (const worker of workers) {
      const patienceMs = untilMs - leftMs / 2 - nowMs();
      if (patienceMs > 0) await atMost(patienceMs, Promise.race([pace.turn(), this.#hurried]));
      pace.begin(worker.done);
      ends.push(
        end(worker).catch((thrown) => {
          error ??= thrown;
        }),
      );
    }
    await Promise.all(ends);
    await this.#remains.cleared();
    error ??= this.#remains.lastError;
    if (error !== undefined) throw error;
    return {
      drained,
      killed: killed + this.#remains.killed,
      survivors: survivors.size,
      abandoned,
      durationMs: nowMs() - startedMs,
    };
  }

  /** Resolves when `holds` does, which is asked whenever something changes; rejects with what it throws. */
  #until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        try {
          if (!holds()) return;
          resolve();
        } catch (error) {
          reject(error as Error);
        }
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      look();
    });
  }

  #notify(): void {
    for (const look of [...this.#watchers]) look();
  }
}

function times(count: number): string {
  return ['', 'once', 'twice', 'three times'][count] ?? `${count} times`;
}

function closedError(): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_POOL_CLOSED',
    'The pool is closed and takes no more requests. Make a new Pool.',
  );
}

const defaultPolicy: TaskPolicy = Object.freeze({
  priority: 0,
  affinity: undefined,
  timeoutMs: undefined,
  signal: undefined,
  retries: 0,
});

function checkPolicy(
  method: unknown,
  args: unknown,
  options: CallOptions | undefined,
  known: readonly string[],
): TaskPolicy {
  if (typeof method !== 'string' || method === '')
    throw invalidOption('method', method, 'the name of a handler');
  if (!Array.isArray(args)) throw invalidOption('args', args, 'a list of arguments');
  if (options === undefined) return defaultPolicy;
  checkKeys('options', options, known);
  const { timeoutMs, signal, affinity, priority, retries, idempotent = false } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidOption('signal', signal, 'an AbortSignal');
  if (affinity !== undefined && typeof affinity !== 'string')
    throw invalidOption('affinity', affinity, 'a string');
  if (typeof idempotent !== 'boolean') throw invalidOption('idempotent', idempotent, 'true, false');
  const tries = wholeNumber('retries', retries, 0, 100, 0);
  if (tries > 0 && !idempotent)
    throw invalidOption(
      'retries',
      retries,
      '0, or with `idempotent: true`, since the call may then run twice',
    );
  return {
    priority: wholeNumber('priority', priority, -1000, 1000, 0),
    affinity,
    timeoutMs: timeoutMs === undefined ? undefined : wholeNumber('timeoutMs', timeoutMs, 1, maxTimeoutMs, 0),
    signal,
    retries: tries,
  };
}
