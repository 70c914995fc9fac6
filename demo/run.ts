import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type HostMessage, LAYERS } from './layers.js';
import { LockWatch } from './locks.js';
import { killRecorded, type LockRecord, readRecord } from './processes.js';
import type { Library } from './words.js';

/** How long anything may take that the demo waits for. */
export const DEADLINE_MS = 5000;

const WORKERS = 2;

/** One run of the work: a host, its workers, and their children. */
export class Run {
  /** How many processes do the work. */
  readonly processes = WORKERS * LAYERS.length;
  readonly #host: ChildProcess;
  readonly #library: Library;
  readonly #folder: string;
  readonly #files = new Map<string, number>();
  readonly #ended: Promise<unknown[]>;
  #guard: Extract<HostMessage, { guard: object }> | undefined;
  #wake = () => {};

  private constructor(library: Library, folder: string, options: RunOptions) {
    this.#library = library;
    this.#folder = folder;
    const { guarded, disable } = options;
    const records = library.files.map((path) => Buffer.from(path));
    const recordBytes = Math.max(...records.map(({ length }) => length)) + 1;
    writeFileSync(join(folder, 'files.txt'), Buffer.concat(records.map((path) => pad(path, recordBytes))));
    const guard = guarded ? 'guarded' : 'unguarded';
    const args = [library.python, folder, WORKERS, recordBytes, guard].map(String);
    this.#host = fork(fileURLToPath(new URL('./host.js', import.meta.url)), args, {
      env: { ...process.env, PROCGUARD_DISABLE: [process.env.PROCGUARD_DISABLE, disable].join() },
    });
    this.#ended = once(this.#host, 'exit');
    this.#host.once('exit', () => this.#wake());
    this.#host.on('message', (message: HostMessage) => {
      if ('guard' in message) this.#guard = message;
      else this.#files.set(message.name, message.files);
      this.#wake();
    });
  }

  /** Starts the host and, through it, the workers. */
  static start(library: Library, parent: string, options: RunOptions): Run {
    return new Run(library, mkdtempSync(join(parent, 'run-')), options);
  }

  get hostPid(): number {
    return this.#host.pid!;
  }

  get guard() {
    return this.#guard?.guard;
  }

  get keeper(): number | undefined {
    return this.#guard?.keeper;
  }

  /** The share of the files that is counted. */
  get progress(): number {
    return [...this.#files.values()].reduce((sum, files) => sum + files, 0) / this.#library.files.length;
  }

  /** Waits until every process holds its lock and `share` of the work is done, or the host has ended. */
  async reaches(share: number, onProgress: (share: number) => void): Promise<void> {
    while (this.#host.exitCode === null && this.#host.signalCode === null) {
      onProgress(this.progress);
      if (this.#files.size === this.processes && this.progress >= share) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (share < 1) throw new Error('The host ended before it could be killed');
  }

  /** Kills the host with SIGKILL, and returns when. */
  kill(): bigint {
    const time = process.hrtime.bigint();
    this.#host.kill('SIGKILL');
    return time;
  }

  /** Waits for the host's end and returns its exit code, `null` after a kill. */
  async end(): Promise<number | null> {
    const [code] = await this.#ended;
    return code as number | null;
  }

  locks(layer?: string): string[] {
    const layers = layer ? [layer] : LAYERS.map(({ name }) => name);
    return layers.flatMap((name) => this.#paths(name, 'lock'));
  }

  /** The results of the processes that have done all their work. */
  results(): string[] {
    return LAYERS.flatMap(({ name }) => this.#paths(name, 'json')).filter((path) => existsSync(path));
  }

  records(locks = this.locks()): LockRecord[] {
    return locks.map(readRecord).filter((record) => record !== undefined);
  }

  /** Ends whatever is left of this run by the demo's own means, and returns the locks that are still held. */
  async cleanUp(): Promise<string[]> {
    this.#host.kill('SIGKILL');
    await this.#ended;
    const locks = this.locks().filter((lock) => readRecord(lock) !== undefined);
    const watch = await LockWatch.start(this.#library.python);
    await watch.watch(locks);
    for (const record of this.records(locks)) killRecorded(record);
    const held = await watch.released(DEADLINE_MS);
    watch.end();
    if (held.length === 0) rmSync(this.#folder, { recursive: true, force: true });
    return held;
  }

  #paths(layer: string, extension: string): string[] {
    return Array.from({ length: WORKERS }, (_, number) =>
      join(this.#folder, `${layer}-${number}.${extension}`),
    );
  }
}

export interface RunOptions {
  guarded: boolean;
  /** Mechanisms that the host treats as absent: PROCGUARD_DISABLE. */
  disable?: string;
}

function pad(path: Buffer, bytes: number): Buffer {
  return Buffer.concat([path, Buffer.alloc(bytes - path.length, ' ')]);
}
