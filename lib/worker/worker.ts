import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { atMost, nowMs } from '../clock.js';
import type { ProcguardError } from '../errors.js';
import type { StartReason } from '../events/events.js';
import { type KillTreeReport, killTree } from '../guard/kill-tree.js';
import type { Frame } from '../wire/frames.js';
import { protocolVersion } from '../wire/limits.js';
import type { ControlFromWorker, Hello, Leaving } from '../wire/messages.js';
import { readControl } from '../wire/read-control.js';
import { WireError } from '../wire/wire-error.js';
import { Channels } from './channels.js';
import type { EndCause } from './end-cause.js';
import { brokenProtocol, Ending, type WorkerExit } from './ending.js';
import { InFlight } from './in-flight.js';
import { type OutputLine, WorkerOutput } from './output.js';
import { headerOf, type RequestInHand, type WorkRequest } from './request.js';
import { StackQuestions } from './stack-questions.js';
import type { StackSource } from './stacks.js';
import { cannotStart, startProgram, startTimedOut, type WorkerSpec } from './start.js';
import { startWatchdog } from './watchdog.js';

export interface WorkerEvents {
  ready(worker: Worker): void;
  /** It may take another request; it has answered so many since it last said so, 0 or 1. */
  free(worker: Worker, answered: number): void;
  output(line: OutputLine): void;
  /** It takes no more, perhaps unasked, and waits for a `leave()`; it has given back so many requests that it never began. */
  leaving(worker: Worker, givenBack: number): void;
  pong(worker: Worker, seq: number): void;
  /** It was to be ended, and lives on, or some of its descendants do. */
  survived(worker: Worker, report: KillTreeReport): void;
  /** It was to have a watchdog, and has none. */
  unwatched(worker: Worker, reason: string): void;
  /** Once, at its end; the requests that it held have been failed before. `failedStart` when it never was ready. */
  ended(worker: Worker, failedStart: ProcguardError | undefined, held: number): void;
}

/** `starting` until its hello, `ready`, `leaving` when it gets no further requests, `ended`. */
export type WorkerState = 'starting' | 'ready' | 'leaving' | 'ended';

// After its exit a worker's last answers and lines are still in its sockets. A descendant may hold them open.
const lastWordsMs = 200;
// A channel is closed just before its worker's exit is seen. One that lives on without it answers nobody.
const closedMs = 1000;

/** For which slot it is started, and why. */
export interface WorkerPlace {
  readonly slot: number;
  readonly reason: StartReason;
}

/** One worker process, from its start to its verified end. */
export class Worker {
  state: WorkerState = 'starting';
  readonly startedAtMs = nowMs();
  /** Requests that it was given. */
  requests = 0;
  /** Requests that it was given and did not answer. Known at its end. */
  unanswered = 0;
  /** How long the last ping that it answered took. */
  pingMs: number | undefined;
  /** How it ended, once it has. */
  exit: WorkerExit | undefined;
  /** The methods that it offers. */
  handlers: readonly string[] = [];
  /** How its program is asked for its stacks. */
  stackOffer: StackSource['stackOffer'];
  readonly child: ChildProcess | undefined;
  /** Settles when it has ended, and never rejects. */
  readonly done: Promise<void>;
  readonly #inFlight: InFlight;
  readonly #channels: Channels | undefined;
  readonly #output: WorkerOutput;
  readonly #startTimer: NodeJS.Timeout;
  #closedTimer: NodeJS.Timeout | undefined;
  /** The message that ended in the middle. */
  #cut: WireError | undefined;
  #hasSpoken = false;
  #saidHello = false;
  #saidLeaving = false;
  #dropsAnswers = false;
  readonly #ending = new Ending();
  readonly #stackQuestions = new StackQuestions();
  #markDone!: () => void;

  constructor(
    readonly number: number,
    private readonly spec: WorkerSpec,
    private readonly events: WorkerEvents,
    readonly place: WorkerPlace,
  ) {
    this.#inFlight = new InFlight(spec.concurrency);
    this.#output = new WorkerOutput(number, (line) => events.output(line));
    this.done = new Promise((resolve) => {
      this.#markDone = resolve;
    });
    // After a stall of the loop the timer comes before the hello that waits to be read.
    this.#startTimer = setTimeout(() => setImmediate(() => this.#startTimedOut()), spec.startTimeoutMs);
    const token = spec.watchdog ? crypto.randomUUID() : undefined;
    let child: ChildProcess;
    try {
      child = startProgram(spec, token);
    } catch (error) {
      this.#ending.startError = cannotStart(spec, error as Error);
      setImmediate(() => this.#end());
      return;
    }
    this.child = child;
    // Also for what comes later, as when a worker that has changed its user can't be sent a signal.
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      this.#ending.startError = cannotStart(spec, error);
      this.#end();
    });
    if (child.pid === undefined) return;
    const streams = child.stdio as unknown as [null, Readable, Readable, Socket, Socket];
    const [, stdout, stderr, control, data] = streams;
    if (token !== undefined) this.#watch(child, token);
    this.#output.pid = child.pid;
    this.#output.listen('stdout', stdout);
    this.#output.listen('stderr', stderr);
    this.#channels = new Channels(control, data, {
      control: (message) => this.#takeMessage(message),
      frame: (frame) => this.#takeFrame(frame),
      broken: (error) => this.#break(error),
      closed: (name, cut) => this.#closed(name, cut),
      drained: () => this.events.free(this, 0),
    });
    child.once('exit', (exitCode, signal) => {
      this.#ending.exited(exitCode, signal);
      const lastWords = Promise.all([stderr, control, data].map(ended));
      // After a stall of the loop the time may be up before they are read, which the turn that follows does.
      void atMost(lastWordsMs, lastWords).then(() => setImmediate(() => this.#end()));
    });
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** It was sent a signal that ends it. */
  get isTerminating(): boolean {
    return this.#ending.isTerminating;
  }

  /** What became of each attempt to end it. */
  terminations(): Promise<(KillTreeReport | Error)[]> {
    return this.#ending.terminations();
  }

  /** The last lines, oldest first. */
  get lastOfStderr(): readonly string[] {
    return this.#output.lastOfStderr;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get isClogged(): boolean {
    return this.#channels?.isClogged ?? false;
  }

  /** It has a request that was given before this one, and for which somebody waits. */
  hasOlder(request: WorkRequest): boolean {
    return this.#inFlight.hasOlder(request);
  }

  send(request: WorkRequest, atMs = nowMs()): void {
    this.#inFlight.add(request);
    request.givenAtMs = atMs;
    request.credit = request.payload.credit;
    this.requests++;
    this.#channels?.send(headerOf(request.payload, request.id), request.payload.parts);
  }

  /** Tells the worker that nobody waits for this any more. It counts as in flight until the worker has answered. */
  cancel(request: WorkRequest): void {
    if (this.#inFlight.has(request)) this.#channels?.tell({ type: 'cancel', id: request.id });
  }

  giveCredit(request: WorkRequest, items: number): void {
    if (!this.#inFlight.has(request)) return;
    request.credit = (request.credit ?? 0) + items;
    this.#channels?.tell({ type: 'credit', id: request.id, items });
  }

  /** No further requests; the worker exits when it has answered those that it has, or at once when it is still starting. */
  leave(): void {
    if (this.state === 'ended') return;
    this.#ending.isLeaving = true;
    // Before its hello it may take any time until it reads.
    if (this.state === 'starting') this.child?.kill('SIGTERM');
    this.state = 'leaving';
    this.#channels?.tellAfterData({ type: 'drain' });
  }

  /** Asks for a sign of life. */
  ping(seq: number): void {
    this.#channels?.ping(seq);
  }

  /** The stacks of its threads, as it says them itself; undefined when it doesn't within `withinMs`. */
  sayStacks(withinMs: number): Promise<string | undefined> {
    return this.#stackQuestions.ask((message) => this.#channels?.tell(message), withinMs);
  }

  /** Whether it has sent anything since this was asked last. */
  takeSigns(): boolean {
    const hasSpoken = this.#hasSpoken;
    this.#hasSpoken = false;
    return hasSpoken;
  }

  /** Those that somebody waits for. */
  get requestsInHand(): RequestInHand[] {
    const atMs = nowMs();
    return this.#inFlight.all
      .filter(({ settled }) => !settled)
      .map(({ payload, givenAtMs, expiresAtMs }) => ({
        method: payload.method,
        ageMs: atMs - givenAtMs,
        leftMs: expiresAtMs === undefined ? undefined : expiresAtMs - atMs,
      }));
  }

  /** It gets no further requests, and is about to be ended. */
  condemn(): void {
    if (this.state !== 'ended') this.state = 'leaving';
  }

  /**
   * What it answers from now on is dropped, and its requests have died with it. A signal that asks for stacks makes calls in C
   * return early, such as `sleep`, and what a handler makes of that is no answer.
   */
  dropAnswers(): void {
    this.#dropsAnswers = true;
  }

  /** Ends it: SIGTERM, `graceMs`, SIGKILL, with its descendants. `reason` is what its requests are told. The first cause counts. */
  terminate(
    cause: EndCause,
    reason: string,
    graceMs: number,
    stacks?: string,
  ): Promise<KillTreeReport | undefined> {
    this.#ending.begin(cause, reason, stacks);
    if (this.state !== 'ended') this.state = 'leaving';
    const termination = this.#killTree(graceMs);
    this.#ending.follow(termination);
    return termination;
  }

  async #killTree(graceMs: number): Promise<KillTreeReport | undefined> {
    if (this.child?.pid === undefined) return undefined;
    let report: KillTreeReport;
    try {
      report = await killTree(this.child, graceMs > 0 ? { graceMs } : { signal: 'SIGKILL' });
    } catch (error) {
      // As when the process table can't be read. The worker itself needs none; its descendants are looked for after its end.
      this.child.kill('SIGKILL');
      throw error;
    }
    if (report.survivors.length > 0) this.events.survived(this, report);
    // It may be stuck in the kernel for good, and those who wait for its answers must not be.
    if (report.survivors.includes(this.child.pid)) {
      this.#ending.survived();
      this.#end();
    }
    return report;
  }

  #watch(child: ChildProcess, token: string): void {
    const failed = (reason: string) => this.events.unwatched(this, reason);
    startWatchdog(child, { graceMs: this.spec.guard?.graceMs ?? 0, token, failed });
  }

  #takeMessage(received: Record<string, unknown>): void {
    this.#hasSpoken = true;
    let message: ControlFromWorker | undefined;
    try {
      message = readControl(received);
    } catch (error) {
      if (!this.#saidHello) this.#channels?.tell({ type: 'refused', message: (error as Error).message });
      throw error;
    }
    if (message?.type === 'hello') this.#takeHello(message);
    else if (message?.type === 'log') this.#output.log(message);
    else if (message?.type === 'pong') this.events.pong(this, message.seq);
    else if (message?.type === 'leaving') this.#takeLeaving(message);
    else if (message?.type === 'stacks') this.#stackQuestions.take(message);
  }

  #takeHello({ handlers, stacks, pid }: Hello): void {
    if (this.#saidHello) throw new WireError('out_of_turn', 'A second hello');
    this.#saidHello = true;
    if (this.state !== 'starting') return;
    clearTimeout(this.#startTimer);
    this.handlers = handlers;
    this.stackOffer = stacks === undefined ? undefined : { ...stacks, pid };
    this.state = 'ready';
    this.#ending.wasReady = true;
    this.#channels?.tell({ type: 'welcome', protocol: protocolVersion });
    this.events.ready(this);
  }

  #takeLeaving({ last }: Leaving): void {
    if (!this.#saidHello) throw new WireError('out_of_turn', 'Leaving before its hello');
    if (this.#saidLeaving) throw new WireError('out_of_turn', 'Leaving for a second time');
    this.#saidLeaving = true;
    this.#ending.isLeaving = true;
    if (this.state === 'ended') return;
    const unbegun = this.#inFlight.takeBack(last);
    this.unanswered += unbegun.length;
    this.state = 'leaving';
    // The oldest last: each goes before the one that was given back before it.
    for (const request of unbegun.reverse()) request.giveBack();
    this.events.leaving(this, unbegun.length);
  }

  #takeFrame(frame: Frame): void {
    this.#hasSpoken = true;
    if (this.#dropsAnswers) return;
    if (this.#inFlight.answer(frame)) this.events.free(this, 1);
  }

  #closed(name: string, cut: WireError | undefined): void {
    if (this.state === 'leaving' || this.state === 'ended') return;
    this.#cut ??= cut;
    const look = () => {
      const hasExited = this.child?.exitCode !== null || this.child.signalCode !== null;
      // It may have said meanwhile that it leaves.
      if (!hasExited && this.state !== 'leaving')
        this.#break(this.#cut ?? new WireError('truncated', `It closed its ${name} channel`));
    };
    // After a stall of the loop the timer comes before the exit that waits to be seen.
    this.#closedTimer ??= setTimeout(() => setImmediate(look), closedMs);
  }

  #break(error: Error): void {
    if (this.state === 'ended') return;
    this.#ending.protocolError ??= brokenProtocol(error);
    void this.terminate('protocol', `broke the worker protocol (${error.message})`, 0).catch(() => {});
  }

  #startTimedOut(): void {
    if (this.#saidHello || this.state === 'ended') return;
    this.#ending.startError = startTimedOut(this.spec);
    void this.terminate('start_timeout', 'did not say hello in time', 0).catch(() => {});
  }

  #end(): void {
    if (this.state === 'ended') return;
    clearTimeout(this.#startTimer);
    clearTimeout(this.#closedTimer);
    this.state = 'ended';
    this.#channels?.destroy();
    this.#stackQuestions.drop();
    const end = this.#ending.end(this.pid, this.#output.lastOfStderr);
    const held = this.#inFlight.clear();
    this.unanswered += held.length;
    for (const request of held) request.fail(this.#ending.errorOf(end));
    const failedStart = this.#ending.failedStart(end);
    this.exit = this.#ending.exit(end, held.length, failedStart);
    this.#markDone();
    this.events.ended(this, failedStart, held.length);
  }
}

function ended(stream: Readable): Promise<void> {
  return stream.readableEnded || stream.destroyed
    ? Promise.resolve()
    : new Promise((resolve) => {
        stream.once('end', resolve).once('close', resolve);
      });
}
