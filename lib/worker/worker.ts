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
import { decodeValue } from '../wire/values.js';
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

/** One worker process, from its start to its verified end. */
export class Worker {
  state: WorkerState = 'starting';
  readonly startedAtMs = nowMs();
  /** Requests that it was given. */
  requests = 0;
  /** The methods that it offers. */
  handlers: readonly string[] = [];
  readonly child: ChildProcess | undefined;
  /** Settles when it has ended, and never rejects. */
  readonly done: Promise<void>;
  readonly #inFlight: InFlight;
  readonly #channels: Channels | undefined;
  readonly #stderr = new Tail(stderrLines);
  readonly #startTimer: NodeJS.Timeout;
  #reason: string | undefined;
  #startError: ProcguardError | undefined;
  #cause: unknown;
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
    this.requests++;
    this.#channels?.send(headerOf(request.payload, request.id), request.payload.parts);
  }

  /** Tells the worker that nobody waits for this any more. It counts as in flight until the worker has answered. */
  cancel(request: WorkRequest): void {
    if (this.#inFlight.has(request)) this.#channels?.tell({ type: 'cancel', id: request.id });
  }

  giveCredit(request: WorkRequest, items: number): void {
    if (this.#inFlight.has(request)) this.#channels?.tell({ type: 'credit', id: request.id, items });
  }

  /** No further requests; the worker exits when it has answered those that it has. */
  leave(): void {
    if (this.state === 'ended') return;
    this.state = 'leaving';
    this.#channels?.tellAfterData({ type: 'drain' });
  }

  /** Ends it: SIGTERM, `graceMs`, SIGKILL, with its descendants. `reason` is what its requests are told. */
  async terminate(reason: string, graceMs: number): Promise<KillTreeReport | undefined> {
    this.#reason ??= reason;
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

  #takeMessage(message: Record<string, unknown>): void {
    switch (message.type) {
      case 'hello':
        this.#takeHello(message);
        break;
      case 'log': {
        const { level, fields } = message;
        const known = level === 'debug' || level === 'info' || level === 'warn' || level === 'error';
        this.events.output({
          source: 'log',
          worker: this.number,
          pid: this.pid,
          line: String(message.message),
          level: known ? level : 'info',
          ...(typeof fields === 'object' && fields !== null
            ? { fields: fields as Record<string, unknown> }
            : {}),
        });
      }
    }
  }

  #takeHello({ protocol, handlers }: Record<string, unknown>): void {
    if (this.state !== 'starting') return;
    if (protocol !== protocolVersion) {
      this.#refuse(
        `it speaks version ${JSON.stringify(protocol)} of the worker protocol, and this pool version ${protocolVersion}: install matching versions of procguard on both sides`,
      );
      return;
    }
    if (!Array.isArray(handlers) || !handlers.every((name) => typeof name === 'string')) {
      this.#refuse('its hello has no list of `handlers`');
      return;
    }
    clearTimeout(this.#startTimer);
    this.handlers = handlers;
    this.state = 'ready';
    this.#channels?.tell({ type: 'welcome', protocol: protocolVersion });
    this.events.ready(this);
  }

  #refuse(message: string): void {
    this.#channels?.tell({ type: 'refused', message });
    this.#break(new Error(message));
  }

  #takeFrame(frame: Frame): void {
    const { type, id, error } = frame.header;
    const request = this.#inFlight.get(id);
    if (request === undefined) {
      throw new Error(
        `an answer (${JSON.stringify(type)}) for request ${JSON.stringify(id)}, which it does not have`,
      );
    }
    switch (type) {
      case 'item':
        request.item(valueIn(frame));
        return;
      case 'result':
        this.#inFlight.remove(request);
        request.succeed(valueIn(frame));
        break;
      case 'end':
        this.#inFlight.remove(request);
        request.succeed(undefined);
        break;
      case 'error':
        this.#inFlight.remove(request);
        request.fail(errorOf(request.payload.method, error));
        break;
      default:
        throw new Error(`a frame of unknown type ${JSON.stringify(type)}`);
    }
    this.events.free(this, 1);
  }

  #break(error: Error): void {
    if (this.state === 'ended') return;
    this.#cause ??= new ProcguardError(
      'ERR_PROCGUARD_PROTOCOL',
      `It broke the worker protocol: ${error.message}`,
      {
        cause: error,
      },
    );
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
    const wasReady = this.handlers.length > 0 || this.requests > 0 || this.state === 'ready';
    clearTimeout(this.#startTimer);
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
    const failedStart = wasReady ? undefined : this.#failedStart(end);
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
    if (this.#cause !== undefined) return this.#cause as ProcguardError;
    return new ProcguardError(
      'ERR_PROCGUARD_START_FAILED',
      `The worker ended before it was ready: it ${describeEnd(end)}`,
    );
  }
}

function valueIn({ header, parts }: Frame): unknown {
  return decodeValue(header.value, parts, header.marked === true);
}

function ended(stream: Readable): Promise<void> {
  return stream.readableEnded || stream.destroyed
    ? Promise.resolve()
    : new Promise((resolve) => {
        stream.once('end', resolve).once('close', resolve);
      });
}
