import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { type OutputLine, Pool, type PoolOptions } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { readStat } from '../helpers/proc.js';

export const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/workers/${name}`, import.meta.url));

/** One of the workers: in Python, or its twin in JavaScript where there is no Python for the tests to run. */
export function workerNamed(name: 'worker' | 'hanging_worker') {
  return process.platform === 'win32'
    ? { command: process.execPath, args: [fixture(`${name}.mjs`)] }
    : { command: 'python3', args: [fixture(`${name}.py`)] };
}

/** The worker that has everything. */
export const plainWorker = workerNamed('worker');

export interface TestPool {
  pool: Pool;
  lines: OutputLine[];
  /** A line that matches, printed already or yet to come. */
  line(pattern: RegExp): Promise<OutputLine>;
}

/** A pool of such workers that is closed after the test, and must leave nothing. */
export function startPool(t: ExecutionContext, options: Partial<PoolOptions> = {}): TestPool {
  const lines: OutputLine[] = [];
  const watchers = new Set<() => void>();
  const pool = new Pool({
    ...plainWorker,
    size: 1,
    onOutput: (line) => {
      lines.push(line);
      for (const look of watchers) look();
    },
    ...options,
  });
  t.teardown(async () => {
    const pids = pool.stats().workers.flatMap(({ pid }) => pid ?? []);
    const { survivors } = await pool.close({ graceMs: 0 });
    const left = pids.filter(lives);
    if (survivors > 0 || left.length > 0)
      throw new Error(`Left behind: ${survivors} survivors, workers ${left}`);
  });
  const line = (pattern: RegExp) => {
    const printed = new Promise<OutputLine>((resolve) => {
      const look = () => {
        const found = lines.find((line) => pattern.test(line.line));
        if (found === undefined) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });
    return within(printed, `a line that matches ${pattern}`);
  };
  return { pool, lines, line };
}

export function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'procguard-pool-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A zombie counts as dead. */
export function lives(pid: number): boolean {
  if (process.platform === 'win32') return isThere(pid);
  const state = readStat(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
