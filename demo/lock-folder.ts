import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEADLINE_MS, LockWatch } from './locks.js';
import { killRecorded, type LockRecord, readRecord } from './processes.js';

/** The folder in which the processes of one pool keep their locks: `<layer>-<pid of the worker>.lock`. */
export class LockFolder {
  readonly path: string;
  readonly #python: string;
  #isRemoved = false;

  constructor(python: string, parent: string) {
    this.#python = python;
    this.path = mkdtempSync(join(parent, 'pool-'));
  }

  /** The lock files of all processes that there have been; of one layer; or of one worker's processes. */
  locks(of: { layer?: string; worker?: number } = {}): string[] {
    return readdirSync(this.path)
      .filter((name) => name.endsWith('.lock'))
      .filter((name) => of.layer === undefined || name.startsWith(`${of.layer}-`))
      .filter((name) => of.worker === undefined || name.endsWith(`-${of.worker}.lock`))
      .map((name) => join(this.path, name));
  }

  records(locks = this.locks()): LockRecord[] {
    return locks.map(readRecord).filter((record) => record !== undefined);
  }

  /** Ends whatever is left by the demo's own means, and returns the locks that are still held. */
  async cleanUp(): Promise<string[]> {
    if (this.#isRemoved) return [];
    const locks = this.locks().filter((lock) => readRecord(lock) !== undefined);
    const watch = await LockWatch.start(this.#python);
    await watch.watch(locks);
    for (const record of this.records(locks)) killRecorded(record);
    const held = await watch.released(DEADLINE_MS);
    watch.end();
    if (held.length === 0) {
      rmSync(this.path, { recursive: true, force: true });
      this.#isRemoved = true;
    }
    return held;
  }
}

/** Who holds a lock file, or the pid itself. */
export function describeHolder(name: string): string {
  const record = readRecord(name);
  return record ? `${name.replace(/^.*\//, '').replace('.lock', '')} (pid ${record.pid})` : `pid ${name}`;
}
