import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { atMost, nowMs } from '../clock.js';
import { ProcguardError } from '../errors.js';
import { type KillTreeReport, killTree } from '../guard/kill-tree.js';
import type { GuardOptions } from '../guard/policy.js';
import { spawn } from '../guard/spawn.js';
import type { Frame } from '../wire/frames.js';
import { protocolVersion } from '../wire/limits.js';
import type { ControlFromWorker, Hello, Log } from '../wire/messages.js';
import { readAnswer } from '../wire/read-answer.js';
import { readControl } from '../wire/read-control.js';
import { decodeValue } from '../wire/values.js';
import { WireError } from '../wire/wire-error.js';
import { Channels } from './channels.js';
import { describeEnd, WorkerDiedError, type WorkerEnd } from './errors.js';
import { InFlight } from './in-flight.js';
import { LineCutter, type OutputLine, Tail } from './output.js';
import { errorOf, headerOf, type WorkRequest } from './request.js';

/** What a worker is started as. */
export interface WorkerSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly guard: GuardOptions | undefined;
  readonly startTimeoutMs: number;
  /** Requests that it may have at a time. */
  readonly concurrency: number;
}

export interface WorkerEvents {
  ready(worker: Worker): void;
  /** It may take another request; it has answered so many since it last said so, 0 or 1. */
  free(worker: Worker, answered: number): void;
  output(line: OutputLine): void;
  /** Once, at its end; the requests that it held have been failed before. `failedStart` when it never was ready. */
  ended(worker: Worker, failedStart: ProcguardError | undefined, held: number): void;
}

/** `starting` until its hello, `ready`, `leaving` when it gets no further requests, `ended`. */
export type WorkerState = 'starting' | 'ready' | 'leaving' | 'ended';

const stderrLines = 20;
// After its exit a worker's last answers and lines are still in its sockets. A descendant may hold them open.
const lastWordsMs = 200;
// A channel is closed just before its worker's exit is seen. One that lives on without it answers nobody.
const closedMs = 1000;
const levels: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error']);

/** One worker process, from its start to its verified end. */
export class Worker {
  state: WorkerState = 'starting';
  readonly startedAtMs = nowMs();
  /** Requests that it was given. */
  requests = 0;
  /** It was sent a signal that ends it. */
  isTerminating = false;
  /** The methods that it offers. */
  handlers: readonly string[] = [];
  readonly child: ChildProcess | undefined;
  /** Settles when it has ended, and never rejects. */
  readonly done: Promise<void>;
  readonly #inFlight: InFlight;
  readonly #channels: Channels | undefined;
  readonly #stderr = new Tail(stderrLines);
  readonly #startTimer: NodeJS.Timeout;
  #closedTimer: NodeJS.Timeout | undefined;
  #saidHello = false;
  #wasReady = false;
  #reason: string | undefined;
  #startError: ProcguardError | undefined;
  #cause: ProcguardError | undefined;
  #markDone!: () => void;
  #exitCode: number | null = null;
  #signal: NodeJS.Signals | null = null;

  constructor(
    readonly number: number,
    private readonly spec: WorkerSpec,
    private readonly events: WorkerEvents,
  ) {
    this.#inFlight = new InFlight(spec.concurrency);
    this.done = new Promise((resolve) => {
      this.#markDone = resolve;
    });
    this.#startTimer = setTimeout(() => this.#startTimedOut(), spec.startTimeoutMs);
    let child: ChildProcess;
    try {
      child = spawn(spec.command, [...spec.args], {
        cwd: spec.cwd,
        env: {
          ...spec.env,
          PROCGUARD_PROTOCOL: String(protocolVersion),
          PROCGUARD_HOST_PID: String(process.pid),
        },
        stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
        // A session of its own: one signal reaches it and its children, and Ctrl-C in a terminal does not.
        detached: true,
        ...(spec.guard === undefined ? {} : { guard: spec.guard }),
      });
    } catch (error) {
      this.#cannotStart(error as Error);
      setImmediate(() => this.#end());
      return;
    }
    this.child = child;
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      this.#cannotStart(error);
      this.#end();
    });
    if (child.pid === undefined) return;
    const streams = child.stdio as unknown as [null, Readable, Readable, Socket, Socket];
    const [, stdout, stderr, control, data] = streams;
    this.#listen('stdout', stdout);
    this.#listen('stderr', stderr);
    this.#channels = new Channels(control, data, {
      control: (message) => this.#takeMessage(message),
      frame: (frame) => this.#takeFrame(frame),
      broken: (error) => this.#break(error),
      closed: (name, cut) => this.#closed(name, cut),
      drained: () => this.events.free(this, 0),
    });
    child.once('exit', (exitCode, signal) => {
      this.#exitCode = exitCode;
      this.#signal = signal;
      const lastWords = Promise.all([stderr, data].map(ended));
      void atMost(lastWordsMs, lastWords).then(() => this.#end());
    });
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get isClogged(): boolean {
    return this.#channels?.isClogged ?? false;
  }

  send(request: WorkRequest): void {
    this.#inFlight.add(request);
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
    // Before its hello it may take any time until it reads.
    if (this.state === 'starting') this.child?.kill('SIGTERM');
    this.state = 'leaving';
    this.#channels?.tellAfterData({ type: 'drain' });
  }

  /** Ends it: SIGTERM, `graceMs`, SIGKILL, with its descendants. `reason` is what its requests are told. */
  async terminate(reason: string, graceMs: number): Promise<KillTreeReport | undefined> {
    this.#reason ??= reason;
    this.isTerminating = true;
    if (this.state !== 'ended') this.state = 'leaving';
    if (this.child?.pid === undefined) return undefined;
    return killTree(this.child, graceMs > 0 ? { graceMs } : { signal: 'SIGKILL' });
  }

  #listen(source: 'stdout' | 'stderr', stream: Readable): void {
    const cutter = new LineCutter((line) => {
      if (source === 'stderr') this.#stderr.push(line);
      this.events.output({ source, worker: this.number, pid: this.pid, line });
    });
    stream.on('data', (chunk: Buffer) => cutter.push(chunk));
    stream.on('end', () => cutter.end());
    stream.on('error', () => {});
  }

  #takeMessage(received: Record<string, unknown>): void {
    let message: ControlFromWorker | undefined;
    try {
      message = readControl(received);
    } catch (error) {
      if (!this.#saidHello) this.#channels?.tell({ type: 'refused', message: (error as Error).message });
      throw error;
    }
    if (message?.type === 'hello') this.#takeHello(message);
    else if (message?.type === 'log') this.#takeLog(message);
  }

  #takeLog({ level, message, fields }: Log): void {
    this.events.output({
      source: 'log',
      worker: this.number,
      pid: this.pid,
      line: message,
      level: levels.has(level) ? level : 'info',
      ...(fields === undefined ? {} : { fields }),
    });
  }

  #takeHello({ handlers }: Hello): void {
    if (this.#saidHello) throw new WireError('out_of_turn', 'A second hello');
    this.#saidHello = true;
    if (this.state !== 'starting') return;
    clearTimeout(this.#startTimer);
    this.handlers = handlers;
    this.state = 'ready';
    this.#wasReady = true;
    this.#channels?.tell({ type: 'welcome', protocol: protocolVersion });
    this.events.ready(this);
  }

  #takeFrame({ header, parts }: Frame): void {
    const answer = readAnswer(header);
    const { id, type } = answer;
    const request = this.#inFlight.get(id);
    if (request === undefined) {
      throw new WireError('out_of_turn', `An answer (${type}) for request ${id}, which it does not have`);
    }
    const { credit } = request;
    const isForStream = type === 'item' || type === 'end';
    if (type !== 'error' && isForStream !== (credit !== undefined)) {
      throw new WireError('out_of_turn', `An answer (${type}) that doesn't fit request ${id}`);
    }
    // Before the request is let go: a value that can't be decoded must not leave it without an answer.
    const value = 'value' in answer ? decodeValue(answer.value, parts, answer.marked === true) : undefined;
    if (type === 'item') {
      if (credit === 0) throw new WireError('out_of_turn', `An item of request ${id} beyond its credit`);
      request.credit = (credit as number) - 1;
      request.item(value);
      return;
    }
    this.#inFlight.remove(request);
    if (type === 'error') request.fail(errorOf(request.payload.method, answer.error));
    else request.succeed(value);
    this.events.free(this, 1);
  }

  #closed(name: string, cut: WireError | undefined): void {
    if (this.state === 'leaving' || this.state === 'ended') return;
    const look = () => {
      const hasExited = this.child?.exitCode !== null || this.child.signalCode !== null;
      if (!hasExited) this.#break(cut ?? new WireError('truncated', `It closed its ${name} channel`));
    };
    // After a stall of the loop the timer comes before the exit that waits to be seen.
    this.#closedTimer ??= setTimeout(() => setImmediate(look), closedMs);
  }

  #break(error: Error): void {
    if (this.state === 'ended') return;
    this.#cause ??= brokenProtocol(error);
    void this.terminate(`broke the worker protocol (${error.message})`, 0).catch(() => {});
  }

  #startTimedOut(): void {
    const { startTimeoutMs } = this.spec;
    this.#startError = new ProcguardError(
      'ERR_PROCGUARD_START_TIMEOUT',
      `The worker did not say hello within ${startTimeoutMs} ms. Does the program call procguard.serve(), or speak docs/protocol.md? If it takes longer to load, raise \`startTimeoutMs\`.`,
    );
    void this.terminate('did not say hello in time', 0).catch(() => {});
  }

  #cannotStart(error: Error): void {
    const { code, errno, syscall } = error as NodeJS.ErrnoException;
    const { command } = this.spec;
    const remedy =
      code === 'ENOENT'
        ? `There is no command \`${command}\`, or no such \`cwd\`. Check the name and the PATH of the pool's \`env\`.`
        : `The command \`${command}\` can't be executed (${code ?? error.message}).`;
    this.#startError = new ProcguardError('ERR_PROCGUARD_START_FAILED', remedy, {
      cause: error,
      ...(errno === undefined ? {} : { errno }),
      ...(syscall === undefined ? {} : { syscall }),
    });
  }

  #end(): void {
    if (this.state === 'ended') return;
    clearTimeout(this.#startTimer);
    clearTimeout(this.#closedTimer);
    this.state = 'ended';
    this.#channels?.destroy();
    const end: WorkerEnd = {
      pid: this.pid,
      exitCode: this.#exitCode,
      signal: this.#signal,
      stderr: this.#stderr.lines,
    };
    const held = this.#inFlight.clear();
    for (const request of held) {
      request.fail(new WorkerDiedError(this.#reason ?? 'died while it had the request', end, this.#cause));
    }
    const failedStart = this.#wasReady ? undefined : this.#failedStart(end);
    this.#markDone();
    this.events.ended(this, failedStart, held.length);
  }

  #failedStart(end: WorkerEnd): ProcguardError {
    if (this.#startError !== undefined) {
      if (end.stderr.length === 0) return this.#startError;
      const { code, message, cause } = this.#startError;
      return new ProcguardError(code, `${message} The last lines of its stderr:\n${end.stderr.join('\n')}`, {
        cause,
      });
    }
    if (this.#cause !== undefined) return this.#cause;
    return new ProcguardError(
      'ERR_PROCGUARD_START_FAILED',
      `The worker ended before it was ready: it ${describeEnd(end)}`,
    );
  }
}

function brokenProtocol(error: Error): ProcguardError {
  return new ProcguardError('ERR_PROCGUARD_PROTOCOL', `It broke the worker protocol: ${error.message}`, {
    cause: error,
  });
}

function ended(stream: Readable): Promise<void> {
  return stream.readableEnded || stream.destroyed
    ? Promise.resolve()
    : new Promise((resolve) => {
        stream.once('end', resolve).once('close', resolve);
      });
}
