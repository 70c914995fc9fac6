import { type ChildProcess, spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { addon, hasJobs } from '../../lib/guard/binding.js';
import { DEADLINE_MS, until, within } from './deadline.js';
import { fixture, ROOT } from './fixtures.js';

/** A downgrade as the package reports it. */
export interface Downgrade {
  code: string;
  message: string;
  remedy: string;
}

/** What ties a child to its host on this system, on the stand-in for macOS that of macOS. */
export const LINK = hasJobs ? 'job-object' : addon().darwin === undefined ? 'pdeathsig' : 'keeper';

/** What `guardOf` says. */
export interface Guard {
  link: string;
  tree: string;
  downgrades: Downgrade[];
}

/** The error of a host's operation, as it came over the channel. */
export class HostError extends Error {
  readonly code: string | undefined;
  readonly errno: number | undefined;
  readonly syscall: string | undefined;

  constructor(error: { name: string; message: string; code?: string; errno?: number; syscall?: string }) {
    super(error.message);
    this.name = error.name;
    this.code = error.code;
    this.errno = error.errno;
    this.syscall = error.syscall;
  }
}

export interface HostOptions {
  /** The mechanisms to treat as absent, as in PROCGUARD_DISABLE. */
  disable?: string | undefined;
  /** Arguments for node itself. */
  execArgv?: string[];
  env?: Record<string, string>;
  /** A program, with arguments, that becomes node. */
  launcher?: readonly string[];
  /** Another node than the one that runs the tests, with arguments of its own. */
  node?: readonly string[];
  /** The folder of another copy of the package. */
  root?: string;
  uid?: number;
  gid?: number;
}

/** How a child is started: the function, the module that it comes from, and its arguments. */
export interface StartOptions {
  from?: 'procguard' | 'node';
  method?: 'spawn' | 'fork' | 'exec' | 'execFile' | 'cluster';
  inWorker?: boolean;
}

/** How a host ended. */
export interface HostEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A Node.js process that starts guarded children when the test asks it to. */
export class Host {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #ended: Promise<HostEnd>;
  readonly #requests = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;
  #stderr = '';

  constructor(options: HostOptions = {}) {
    const { disable, env, execArgv = [], launcher = [], node = [process.execPath], ...rest } = options;
    const { root = ROOT, ...identity } = rest;
    const script = join(root, relative(ROOT, fixture('host.mjs')));
    const [program, ...args] = [...launcher, ...node, ...execArgv, script];
    this.#process = spawn(program as string, args, {
      ...identity,
      cwd: root,
      env: { ...process.env, ...env, PROCGUARD_DISABLE: disable ?? '' },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    this.pid = this.#process.pid!;
    this.#process.stderr!.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text;
    });
    this.#process.on('message', (message) => this.#settle(message as Answer));
    this.#ended = new Promise((resolve) =>
      this.#process.once('exit', (code, signal) => {
        for (const { reject } of this.#requests.values()) {
          reject(new Error(`The host ended (${code ?? signal}) before it answered:\n${this.#stderr}`));
        }
        resolve({ code, signal });
      }),
    );
  }

  /** Asks the host for one operation of test/fixtures/host-operations.mjs. */
  async ask<T = unknown>(operation: string, parameters: object = {}): Promise<T> {
    const id = ++this.#lastId;
    const answered = new Promise<T>((resolve, reject) => {
      this.#requests.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
    this.#process.send({ id, operation, ...parameters });
    return within(answered, `the host to answer ${operation}`);
  }

  /** Starts a child with the arguments that `spawn` takes, or `method`. */
  async start(args: unknown[], options: StartOptions = {}): Promise<{ pid: number; guard: Guard }> {
    return this.ask('start', { args, ...options });
  }

  /** The pid of the host's keeper, once that is ready. */
  async keeperPid(): Promise<number> {
    return until(async () => {
      const { keeper } = await this.ask<{ keeper: { pid: number; state: string } }>('capabilities');
      return keeper.state === 'running' ? keeper.pid : undefined;
    }, 'the keeper to run');
  }

  /** Ends the host by `how`: a signal for it, or one of the deaths of test/fixtures/host.mjs. */
  async die(how: string): Promise<HostEnd> {
    if (how.startsWith('SIG')) this.#process.kill(how as NodeJS.Signals);
    else await this.ask('die', { how }).catch(() => {});
    return within(this.#ended, `the host to end by ${how}`, DEADLINE_MS * 2);
  }

  get stderr(): string {
    return this.#stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  #settle(message: Answer): void {
    const request = this.#requests.get(message.id);
    this.#requests.delete(message.id);
    if (message.error) request?.reject(new HostError(message.error));
    else request?.resolve(message.result);
  }
}

interface Answer {
  id: number;
  result?: unknown;
  error?: ConstructorParameters<typeof HostError>[0];
}
