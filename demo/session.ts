import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CountingPool } from './counting-pool.js';
import { describeHolder, LockFolder } from './lock-folder.js';
import { Run } from './run.js';
import { bad } from './screen.js';
import type { Library } from './words.js';

/** The demo's folder, and what there is to clean up. */
export class Session {
  readonly library: Library;
  readonly #folder = mkdtempSync(join(tmpdir(), 'procguard-demo-'));
  readonly #folders: LockFolder[] = [];
  readonly #ends: (() => Promise<unknown>)[] = [];

  constructor(library: Library) {
    this.library = library;
  }

  /** Opens a pool in this process. */
  open(): CountingPool {
    const counting = new CountingPool(this.library.python, this.#makeFolder());
    this.#ends.push(() => counting.pool.close({ graceMs: 0 }));
    return counting;
  }

  /** Something more to end when the demo ends. */
  atEnd(end: () => Promise<unknown>): void {
    this.#ends.push(end);
  }

  /** Starts a host, and its pool, in a process of its own. */
  begin(disable: string): Run {
    const run = new Run(this.library, this.#makeFolder(), disable);
    this.#ends.push(() => {
      run.kill();
      return run.end();
    });
    return run;
  }

  /** Ends whatever still runs, and says so if something can't be ended. */
  async cleanUp(): Promise<void> {
    await Promise.all(this.#ends.splice(0).map((end) => end()));
    const left = (await Promise.all(this.#folders.splice(0).map((folder) => folder.cleanUp()))).flat();
    if (left.length === 0) rmSync(this.#folder, { recursive: true, force: true });
    else bad(`Left behind: ${left.map(describeHolder).join(', ')}. Their lock files are in ${this.#folder}`);
  }

  #makeFolder(): LockFolder {
    const folder = new LockFolder(this.library.python, this.#folder);
    this.#folders.push(folder);
    return folder;
  }
}
