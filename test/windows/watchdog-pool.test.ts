import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Pool } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { compiledFixture, fixture } from '../helpers/fixtures.js';
import { Lifelines } from '../helpers/lifelines.js';

// A folder of Windows of this host's own: what is PowerShell there is the test's choice. Workers keep the real one.
const { SystemRoot, ...others } = process.env;
const env = { ...others, SystemRoot };

function putPowerShell(t: ExecutionContext, lifelines: Lifelines, program?: string): void {
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

async function startPool(t: ExecutionContext): Promise<Pool> {
  const pool = new Pool({
    command: process.execPath,
    args: [fixture('windows/worker.mjs')],
    size: 1,
    env,
    watchdog: true,
  });
  t.teardown(async () => {
    await pool.close({ graceMs: 0 });
  });
  await pool.ready();
  return pool;
}

async function reasonOf(pool: Pool): Promise<string> {
  const failed = () => pool.alerts().find(({ code }) => code === 'watchdog_failed');
  return (await until(failed, 'an alert')).message;
}

test.serial('a watchdog that can not be started is told', async (t) => {
  await using lifelines = await Lifelines.open();
  putPowerShell(t, lifelines);
  t.regex(await reasonOf(await startPool(t)), /ENOENT/);
});

test.serial('PowerShell that ends at once, and by nothing proves that it watches, is told', async (t) => {
  await using lifelines = await Lifelines.open();
  putPowerShell(t, lifelines, 'life');
  t.regex(await reasonOf(await startPool(t)), /ended with code \d+ and did not say that it watches/);
});

test.serial('a watchdog that is ended is followed by another, unless it ends at once', async (t) => {
  await using lifelines = await Lifelines.open();
  putPowerShell(t, lifelines, 'powershell');
  const pool = await startPool(t);
  const first = await lifelines.take('watchdog');
  // One that has watched for less than a second has ended at once.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  process.kill(first.pid);
  const second = await lifelines.take('watchdog');
  t.not(second.pid, first.pid);
  process.kill(second.pid);
  t.regex(await reasonOf(pool), /it ended at once/);
  t.is(pool.alerts().filter(({ code }) => code === 'watchdog_failed').length, 1);
});
