import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecord } from './processes.js';
import { Run, type RunOptions } from './run.js';
import { bad } from './screen.js';
import type { Library } from './words.js';

/** The demo's folder and runs, and what there is to clean up. */
export class Session {
  readonly library: Library;
  readonly #folder = mkdtempSync(join(tmpdir(), 'procguard-demo-'));
  readonly #runs: Run[] = [];

  constructor(library: Library) {
    this.library = library;
  }

  begin(options: RunOptions): Run {
    const run = Run.start(this.library, this.#folder, options);
    this.#runs.push(run);
    return run;
  }

  /** Ends whatever still runs, and says so if something can't be ended. */
  async cleanUp(): Promise<void> {
    const left = (await Promise.all(this.#runs.splice(0).map((run) => run.cleanUp()))).flat();
    if (left.length === 0) rmSync(this.#folder, { recursive: true, force: true });
    else bad(`Left behind: ${left.map(describeHolder).join(', ')}. Their lock files are in ${this.#folder}`);
  }
}

/** Who holds a lock file, or the pid itself. */
export function describeHolder(name: string): string {
  const record = readRecord(name);
  return record ? `${name.replace(/^.*\//, '').replace('.lock', '')} (pid ${record.pid})` : `pid ${name}`;
}
