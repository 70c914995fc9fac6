import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Pool, PoolOptions } from '../../lib/index.js';
import { compiledFixture, fixture } from '../helpers/fixtures.js';
import type { Lifelines } from '../helpers/lifelines.js';

// Workers keep the real folder of Windows.
const { SystemRoot, ...others } = process.env;
const env = { ...others, SystemRoot };

/** Gives this host a folder of Windows of its own, in which that program is PowerShell, or there is none. */
export function putPowerShell(t: ExecutionContext, lifelines: Lifelines, program?: string): void {
  const windows = path.join(lifelines.folder, 'windows');
  const folder = path.join(windows, 'System32', 'WindowsPowerShell', 'v1.0');
  mkdirSync(folder, { recursive: true });
  if (program !== undefined) copyFileSync(compiledFixture(program), path.join(folder, 'powershell.exe'));
  process.env.SystemRoot = windows;
  process.env.WATCHDOG_TEST_PIPE = lifelines.path;
  t.teardown(() => {
    process.env.SystemRoot = SystemRoot;
    delete process.env.WATCHDOG_TEST_PIPE;
  });
}

/** Starts a pool of one worker, with a watchdog; it is closed with the test. */
export async function startPool(t: ExecutionContext, create: (options: PoolOptions) => Pool): Promise<Pool> {
  const args = [fixture('windows/worker.mjs')];
  const pool = create({ command: process.execPath, args, size: 1, env, watchdog: true });
  t.teardown(async () => {
    await pool.close({ graceMs: 0 });
  });
  await pool.ready();
  return pool;
}
