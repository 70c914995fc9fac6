import type { Alert } from '../alerts/alert.js';
import { Alerts } from '../alerts/alerts.js';
import type { PoolSettings } from '../config/pool-options.js';
import { maxSize } from '../config/schema.js';
import { checkKeys, type ProcguardError } from '../errors.js';
import { logListeners } from '../events/log.js';
import { Publisher } from '../events/publisher.js';
import type { OutputLine } from '../worker/output.js';
import { makePayload } from '../worker/request.js';
import { askForStacks } from '../worker/stacks.js';
import type { Worker } from '../worker/worker.js';
import { tellFailedSlot, tellLoop, tellSurvivors, tellUnwatched } from './alarms.js';
import {
  type CallOptions,
  callOptionKeys,
  checkPolicy,
  type StreamOptions,
  streamOptionKeys,
} from './call-options.js';
import { CallSink } from './call-sink.js';
import { Changes } from './changes.js';
import { Dismissals } from './dismissal.js';
import { type CloseReport, drain } from './drain.js';
import { Healer } from './healer.js';
import { viewOf, type WorkerView } from './inspect.js';
import { type PoolConfig, type PoolOptions, parseOptions, wholeNumber } from './options.js';
import { Remains } from './remains.js';
import { Replacer } from './replacer.js';
import { RequestEvents } from './request-events.js';
import { Router } from './router.js';
import { onShutdownSignals } from './signals.js';
import type { Slot, SlotEvents } from './slot.js';
import { Slots } from './slots.js';
import { Stage } from './stage.js';
import { type PoolStats, statsOf } from './stats.js';
import { ItemStream, streamCredit } from './stream.js';
import { traced } from './tracing.js';
import { Watches } from './watches.js';
import { WorkerEvents } from './worker-events.js';

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
  readonly #slots: Slots;
  readonly #router: Router;
  readonly #dismissals: Dismissals;
  readonly #replacer: Replacer;
  readonly #healer: Healer;
  readonly #remains: Remains;
  readonly #watches: Watches;
  readonly #alerts: Alerts;
  readonly #events: WorkerEvents;
  readonly #stage = new Stage();
  readonly #changes = new Changes();
  readonly #takeBacks: (() => void)[] = [];
  #closed: Promise<CloseReport> | undefined;

  constructor(options: PoolOptions) {
    this.#config = parseOptions(options);
    const { name, settings, telemetry, logger } = this.#config;
    const publisher = new Publisher(telemetry, logListeners(logger));
    const alertOutlet = publisher.outlet('procguard:alert');
    this.#events = new WorkerEvents(name, settings, publisher);
    this.#alerts = new Alerts(name, (alert) => alertOutlet.publish(alert));
    this.#remains = new Remains(this.#alerts);
    this.#slots = new Slots(this.#config, this.#workerEvents(), (slot) => this.#slotChanged(slot));
    this.#router = new Router(
      this.#config,
      this.#slots,
      this.#stage,
      this.#changes,
      this.#alerts,
      new RequestEvents(name, publisher),
      (worker, task) => this.#healer.replaceStuck(worker, task),
    );
    this.#dismissals = new Dismissals(this.#stage, (worker) => this.#router.suspend(worker));
    this.#replacer = new Replacer(this.#config, this.#slots, this.#dismissals, this.#stage, this.#changes);
    this.#healer = new Healer(
      this.#config.heartbeat,
      this.#slots,
      this.#router,
      this.#remains,
      this.#alerts,
      this.#events,
    );
    this.#watches = new Watches(this.#slots, this.#alerts, this.#config.telemetry.keeper);
    this.#slots.growTo(this.#config.size);
  }

  /**
   * Resolves to what the worker's handler returns. Rejects with a `WorkerError` (the handler threw), a `WorkerDiedError`, a
   * `QueueFullError`, with the signal's reason, or with `ERR_PROCGUARD_CALL_TIMEOUT`, `ERR_PROCGUARD_UNKNOWN_METHOD`,
   * `ERR_PROCGUARD_UNSERIALIZABLE`, `ERR_PROCGUARD_TOO_LARGE`, `ERR_PROCGUARD_POOL_FAILED`, `ERR_PROCGUARD_POOL_CLOSED` or
   * `ERR_PROCGUARD_INVALID_OPTION`.
   */
  call<T = unknown>(method: string, args?: readonly unknown[], options?: CallOptions): Promise<T>;
  call(method: string, args: readonly unknown[] = [], options?: CallOptions): Promise<unknown> {
    return new Promise((succeed) => {
      const sink = traced(new CallSink(succeed), this, this.#config.name, method);
      try {
        const policy = checkPolicy(method, args, options, callOptionKeys);
        this.#router.submit(makePayload(method, args, undefined, sink.trace), policy, sink);
      } catch (error) {
        sink.fail(error);
      }
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
    const stream = new ItemStream<T>();
    const sink = traced(stream, this, this.#config.name, method);
    try {
      const policy = checkPolicy(method, args, options, streamOptionKeys);
      const task = this.#router.submit(makePayload(method, args, streamCredit, sink.trace), policy, sink);
      stream.hooks = {
        credit: (items) => task.worker?.giveCredit(task, items),
        cancel: () => task.cancel(undefined),
      };
    } catch (error) {
      sink.fail(error);
      throw error;
    }
    return stream;
  }

  /**
   * Resolves when every slot has a ready worker, or has failed and another is ready. Rejects with
   * `ERR_PROCGUARD_POOL_FAILED` when all have failed, and with `ERR_PROCGUARD_POOL_CLOSED`.
   */
  async ready(): Promise<void> {
    await this.#changes.until(() => {
      this.#stage.checkOpen();
      if (this.#slots.isFailed) throw this.#slots.failedError();
      return this.#slots.all.every(({ isReady, state }) => isReady || state === 'failed');
    });
  }

  stats(): PoolStats {
    return statsOf(this.#slots.all, this.#router.stats, this.#stage.name, (worker) =>
      this.#healer.diagnosisOf(worker),
    );
  }

  /**
   * The worker of a slot, 0 to `size - 1`, as it is now. Undefined: it has none at the moment, or there is no such slot.
   *
   * ```ts
   * const worker = pool.inspect(0);
   * if (worker?.child) console.log(guardOf(worker.child), worker.stderr);
   * ```
   */
  inspect(slot: number): WorkerView | undefined {
    const worker = this.#slots.at(slot)?.worker;
    return worker && viewOf(worker);
  }

  /**
   * The stacks of all threads of a slot's worker, as its program prints them; the worker goes on. Undefined: there is no worker, it doesn't
   * offer that (the Python SDK does), or could not answer within two seconds. On Linux one whose C code holds the GIL is asked by a signal
   * after a second, which may make that code return early: see docs/python.md.
   *
   * ```ts
   * console.log(await pool.stacks(0)); // 'Thread 0x00007f… (most recent call first):\n  File "worker.py", line 12 in embed…'
   * ```
   */
  async stacks(slot: number): Promise<string | undefined> {
    const worker = this.#slots.at(slot)?.worker;
    return worker && askForStacks(worker);
  }

  /**
   * What a person should know of, oldest first, at most 100: see `docs/health.md`. The same are published on the channel
   * `procguard:alert` of `node:diagnostics_channel`. The same code of the same slot comes at most once a minute,
   * but that a worker is replaced is said at once.
   *
   * ```ts
   * for (const { code, message, advice } of pool.alerts()) console.warn(code, message, advice);
   * ```
   */
  alerts(): readonly Alert[] {
    return this.#alerts.recent;
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

  /** Gives each failed slot as many tries to start a worker as a new one has. Throws `ERR_PROCGUARD_POOL_CLOSED`. */
  revive(): void {
    this.#stage.checkOpen();
    for (const slot of this.#slots.all) if (slot.state === 'failed') slot.revive();
  }

  /**
   * Replaces every worker: each finishes its requests and leaves, and never are fewer ready than `restart.minHealthy`, by
   * default all but one. Revives failed slots. One restart waits for another's end. Rejects with `ERR_PROCGUARD_POOL_FAILED`
   * when a replacement doesn't start, and with `ERR_PROCGUARD_POOL_CLOSED`.
   */
  restart(): Promise<void> {
    return this.#replacer.restart();
  }

  /** Adds workers, or lets the newest go as soon as they have finished their requests. 1 to 10000. */
  resize(size: number): void {
    wholeNumber('size', size ?? null, 1, maxSize, 1);
    this.#stage.checkOpen();
    this.#slots.growTo(size);
    const surplus = this.#slots.shrinkTo(size);
    const leaving = surplus.flatMap(({ worker }) => worker ?? []);
    void this.#dismissals.dismissAll(leaving, this.#config.graceMs);
    for (const { index } of surplus) this.#router.reroute(index);
    this.#changes.announce();
  }

  /**
   * Drains: no new requests; those that wait or are in flight finish within `graceMs` (0 to 300000, the default is
   * `shutdown.graceMs`); then SIGTERM, SIGKILL, and verified. Calling it again returns the same promise.
   */
  close(options: { graceMs?: number | undefined } = {}): Promise<CloseReport> {
    checkKeys('options', options, ['graceMs']);
    const graceMs = wholeNumber('graceMs', options.graceMs, 0, 300_000, this.#config.graceMs);
    this.#closed ??= this.#close(graceMs).finally(() => {
      this.#stage.end();
      for (const takeBack of this.#takeBacks) takeBack();
      this.#watches.stop();
    });
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Drains on SIGTERM and SIGINT, and then ends this process by that signal, as it would have ended without, unless
   * the program has a handler for that signal too. A second signal ends the drain at once. Returns a function that takes
   * this back; `close()` does so as well. Throws `ERR_PROCGUARD_WRONG_THREAD` in a `worker_threads` Worker.
   */
  handleSignals(): () => void {
    const takeBack = onShutdownSignals({
      drain: () => this.close(),
      hurry: () => {
        this.#stage.hurry();
        this.#dismissals.hurry(this.#slots.workers);
      },
    });
    this.#takeBacks.push(takeBack);
    return takeBack;
  }

  #close(graceMs: number): Promise<CloseReport> {
    this.#stage.close();
    this.#replacer.stop();
    this.#changes.announce();
    return drain(
      {
        slots: this.#slots,
        router: this.#router,
        dismissals: this.#dismissals,
        remains: this.#remains,
        stage: this.#stage,
        changes: this.#changes,
      },
      graceMs,
    );
  }

  #workerEvents(): SlotEvents {
    return {
      started: (worker) => this.#events.started(worker),
      replaced: (worker, reason, backoffMs) => this.#events.replaced(worker, reason, backoffMs),
      ready: (worker) => {
        this.#events.ready(worker);
        this.#slots.ownerOf(worker)?.ready();
        this.#healer.watch(worker);
        this.#watches.ready(worker);
        this.#router.feed(worker);
      },
      free: (worker, answered) => {
        this.#router.uncount(answered);
        this.#replacer.retireIfDue(worker);
        this.#router.feed(worker);
      },
      pong: (worker, seq) => this.#healer.pong(worker, seq),
      survived: (worker, report) => tellSurvivors(this.#alerts, worker, report),
      unwatched: (worker, reason) => tellUnwatched(this.#alerts, worker, reason),
      output: (line) => this.#tellOutput(line),
      leaving: (worker, givenBack) => this.#workerLeaves(worker, givenBack),
      ended: (worker, failedStart, held) => this.#workerEnded(worker, failedStart, held),
    };
  }

  #tellOutput(line: OutputLine): void {
    try {
      this.#config.onOutput(line);
    } catch (error) {
      // Thrown from here, it would pass for something that the worker sent.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #workerLeaves(worker: Worker, givenBack: number): void {
    this.#dismissals.expect(worker, 'left');
    this.#router.leaving(worker, givenBack);
    // It has as long as one that was told to leave.
    void this.#dismissals.dismiss(worker, this.#config.graceMs).catch(() => {});
  }

  #workerEnded(worker: Worker, failedStart: ProcguardError | undefined, held: number): void {
    const slot = this.#slots.release(worker);
    this.#healer.unwatch(worker);
    this.#router.remove(worker, held);
    this.#remains.add(worker, (cleanup) => this.#events.exited(worker, cleanup));
    const expected = this.#dismissals.takeExpected(worker);
    if (slot?.ended(worker, failedStart, expected)) tellLoop(this.#alerts, slot, worker);
    this.#changes.announce();
  }

  #slotChanged(slot: Slot): void {
    if (slot.state === 'failed') {
      tellFailedSlot(this.#alerts, slot);
      this.#router.reroute(slot.index);
    }
    this.#changes.announce();
  }
}
