import test from 'ava';
import { Lifelines } from '../helpers/lifelines.js';
import { putPowerShell, startPool } from './powershell.js';

// Read when the library is loaded: no addon is made for such a processor.
Object.assign(process.env, { PREBUILDS_ONLY: '1', npm_config_arch: 'none', PROCGUARD_DISABLE: 'platform' });
const { Pool } = await import('../../lib/index.js');
const { addon } = await import('../../lib/guard/binding.js');

test('without the addon, too, a watchdog that is ended is followed by another', async (t) => {
  t.throws(addon, { code: 'ERR_PROCGUARD_ADDON_UNAVAILABLE' });
  await using lifelines = await Lifelines.open();
  putPowerShell(t, lifelines, 'powershell');
  const pool = await startPool(t, (options) => new Pool(options));
  const first = await lifelines.take('watchdog');
  // One that has watched for less than a second has ended at once.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  process.kill(first.pid);
  const second = await lifelines.take('watchdog');
  t.not(second.pid, first.pid);
  t.deepEqual(await pool.call('echo', ['at work']), ['at work']);
  t.false(pool.alerts().some(({ code }) => code === 'watchdog_failed'));
});
