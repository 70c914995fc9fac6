import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from '../lib/index.js';
import type { Batch } from './batches.js';
import { type Call, type LedgerLine, parseLedger } from './calls.js';
import { WORKERS } from './layers.js';
import type { LockFolder } from './lock-folder.js';

const WORKER = fileURLToPath(new URL('../../demo/worker.py', import.meta.url));

/** How long a call, or the whole work of a host, may take: far beyond the slowest machine. */
export const CALL_TIMEOUT_MS = 60_000;

/** A pool of workers that count words and keep their locks in `folder`. */
export function openPool(python: string, folder: string): Pool {
  return new Pool({ command: python, args: [WORKER, folder], size: WORKERS });
}

/** The pool of this process, which numbers its calls. */
export class CountingPool {
  readonly pool: Pool;
  readonly folder: LockFolder;
  #calls = 0;

  constructor(python: string, folder: LockFolder) {
    this.folder = folder;
    this.pool = openPool(python, folder.path);
  }

  /** The pids of its workers. */
  get pids(): number[] {
    return this.pool.stats().workers.map(({ pid }) => pid!);
  }

  /** Makes a call. `done` resolves when it has ended, in whatever way. */
  count(batch: Batch): { call: Call; done: Promise<void> } {
    const call: Call = { number: ++this.#calls, batch };
    const args = [call.number, batch.files];
    const answer = this.pool.call<Record<string, number>>('count', args, { timeoutMs: CALL_TIMEOUT_MS });
    const done = answer.then(
      (words) => {
        call.answer = new Map(Object.entries(words));
      },
      (error: Error) => {
        call.error = error;
      },
    );
    return { call, done };
  }

  /** What the workers noted of `calls`. */
  ledger(calls: readonly Call[]): LedgerLine[] {
    const numbers = new Set(calls.map(({ number }) => number));
    const text = readFileSync(join(this.folder.path, 'ledger.txt'), 'utf8');
    return parseLedger(text).filter(({ call }) => numbers.has(call));
  }
}
