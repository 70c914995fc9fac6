import test, { type ExecutionContext } from 'ava';
import { Pool } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { Lifelines } from '../helpers/lifelines.js';
import { putPowerShell, startPool } from './powershell.js';

const startGuardedPool = (t: ExecutionContext) => startPool(t, (options) => new Pool(options));

async function reasonOf(pool: Pool): Promise<string> {
  const failed = () => pool.alerts().find(({ code }) => code === 'watchdog_failed');
  return (await until(failed, 'an alert')).message;
}

test.serial('a watchdog that can not be started is told', async (t) => {
  await using lifelines = await Lifelines.open();
  putPowerShell(t, lifelines);
  t.regex(await reasonOf(await startGuardedPool(t)), /ENOENT/);
});

test.serial('PowerShell that ends at once, and by nothing proves that it watches, is told', async (t) => {
  await using lifelines = await Lifelines.open();
  putPowerShell(t, lifelines, 'life');
  t.regex(await reasonOf(await startGuardedPool(t)), /ended with code \d+ and did not say that it watches/);
});

test.serial('PowerShell is not led to the modules of the PowerShell 7 that started the host', async (t) => {
  await using lifelines = await Lifelines.open();
  putPowerShell(t, lifelines, 'powershell');
  const { PSModulePath } = process.env;
  // Names of variables have no case on Windows.
  delete process.env.PSModulePath;
  process.env.psmodulePATH = 'C:\\Program Files\\PowerShell\\7\\Modules';
  t.teardown(() => {
    delete process.env.PSModulePath;
    if (PSModulePath !== undefined) process.env.PSModulePath = PSModulePath;
  });
  const pool = await startGuardedPool(t);
  await t.notThrowsAsync(lifelines.take('watchdog'));
  t.deepEqual(pool.alerts(), []);
});

test.serial('a watchdog that is ended is followed by another, unless it ends at once', async (t) => {
  await using lifelines = await Lifelines.open();
  putPowerShell(t, lifelines, 'powershell');
  const pool = await startGuardedPool(t);
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
