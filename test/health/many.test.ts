import test from 'ava';
import { nowMs } from '../../lib/clock.js';
import { binding } from '../../lib/guard/binding.js';
import type { WorkerDiedError } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { lives } from '../pool/pools.js';
import { startHangingPool } from './hangs.js';

type Addon = ReturnType<typeof binding>;

// Workers are pinged in so many groups, one after the other.
const groups = 16;

test('20 workers that hang at once are all replaced, and looked at together', async (t) => {
  const addon = binding() as { -readonly [Key in keyof Addon]: Addon[Key] };
  const { sample } = addon;
  const looks: number[] = [];
  addon.sample = (asked, trees) => {
    looks.push(asked.length / 3);
    return sample(asked, trees);
  };
  t.teardown(() => {
    addon.sample = sample;
  });
  const { pool, lines } = startHangingPool(t, { size: 20 });
  await pool.ready();
  const pids = pool.stats().workers.map(({ pid }) => pid!);
  const errors = Promise.all(pids.map(() => pool.call('sleep_with_gil').catch((error) => error)));
  const isHanging = () => lines.filter(({ line }) => line === 'started').length === pids.length;
  await until(() => isHanging() || undefined, 'all to hang');
  const sinceMs = nowMs();
  for (const error of (await errors) as WorkerDiedError[])
    t.regex(error.message, /left \d+ pings in a row unanswered/);
  t.log(`rejected after ${Math.round(nowMs() - sinceMs)} ms; ${looks.length} looks, of ${looks.join(', ')}`);
  await pool.ready();
  t.deepEqual(
    pool.stats().workers.map(({ restarts }) => restarts),
    pids.map(() => 1),
  );
  t.deepEqual(pids.filter(lives), []);
  t.is(
    looks.reduce((sum, workers) => sum + workers, 0),
    2 * pids.length,
  );
  // Two for each group: at the first miss, and at the third.
  t.true(looks.length <= 2 * groups, `${looks.length} looks`);
});
