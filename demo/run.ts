import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostMessage } from './host.js';
import { WORKERS } from './layers.js';
import type { LockFolder } from './lock-folder.js';
import type { Library } from './words.js';

// So much that nobody comes to the end of it before the host is killed, however busy the machine is.
const ROUNDS = 10;

/** A host in a process of its own, with its pool at work, that can be killed. */
export class Run {
  readonly folder: LockFolder;
  readonly #host: ChildProcess;
  readonly #shares = new Map<number, number>();
  readonly #ended: Promise<unknown[]>;
  #start: Extract<HostMessage, { guard: object }> | undefined;
  #wake = () => {};

  /** `disable`: mechanisms that the host treats as absent, as in PROCGUARD_DISABLE. */
  constructor(library: Library, folder: LockFolder, disable: string) {
    this.folder = folder;
    writeFileSync(join(folder.path, 'files.json'), JSON.stringify(Array(ROUNDS).fill(library.files).flat()));
    this.#host = fork(fileURLToPath(new URL('./host.js', import.meta.url)), [library.python, folder.path], {
      env: { ...process.env, PROCGUARD_DISABLE: [process.env.PROCGUARD_DISABLE, disable].join() },
    });
    this.#ended = once(this.#host, 'exit');
    this.#host.once('exit', () => this.#wake());
    this.#host.on('message', (message: HostMessage) => {
      if ('guard' in message) this.#start = message;
      else this.#shares.set(message.worker, message.share);
      this.#wake();
    });
  }

  get hostPid(): number {
    return this.#host.pid!;
  }

  /** How the host says that its workers are guarded. */
  get guard() {
    return this.#start!.guard;
  }

  /** The pid of its keeper, 0 where there is none. */
  get keeper(): number {
    return this.#start!.keeper;
  }

  get workers(): number[] {
    return this.#start!.workers;
  }

  /** How many rounds are done. */
  get progress(): number {
    return ([...this.#shares.values()].reduce((sum, share) => sum + share, 0) / WORKERS) * ROUNDS;
  }

  /** Waits until so many rounds are done. */
  async reaches(rounds: number, onProgress: (rounds: number) => void): Promise<void> {
    while (this.progress < rounds) {
      if (this.#host.exitCode !== null || this.#host.signalCode !== null)
        throw new Error('The host ended before it could be killed');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      onProgress(this.progress);
    }
  }

  /** Kills the host with SIGKILL, and returns when. */
  kill(): bigint {
    const time = process.hrtime.bigint();
    this.#host.kill('SIGKILL');
    return time;
  }

  /** Waits for the host's end. */
  async end(): Promise<void> {
    await this.#ended;
  }
}
