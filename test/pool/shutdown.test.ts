import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Pool } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { lives, startPool, temporaryFolder } from './pools.js';

test('close lets requests finish, those that wait too, and proves that the workers are gone', async (t) => {
  const { pool, line } = startPool(t, { size: 1 });
  const folder = temporaryFolder(t);
  const running = pool.call<number>('wait_for', [join(folder, 'go')]);
  const waiting = pool.call('echo', ['waited']);
  await line(/^waiting$/);
  const closed = pool.close();
  await t.throwsAsync(pool.call('echo', [1]), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
  writeFileSync(join(folder, 'go'), '');
  const pid = await running;
  t.is(await waiting, 'waited');
  t.like(await closed, { drained: 1, killed: 0, survivors: 0, abandoned: 0 });
  t.false(lives(pid));
  t.is(pool.close(), closed);
});

test('close gives up after graceMs, and says how many requests it gave up', async (t) => {
  const { pool, line } = startPool(t, { size: 1 });
  const pid = await pool.call<number>('ignore_sigterm');
  const running = pool.call('ignore_cancel', ['/nonexistent']);
  const waiting = pool.call('echo', [1]);
  await line(/^waiting$/);
  const rejected = Promise.all([
    t.throwsAsync(running, { code: 'ERR_PROCGUARD_WORKER_DIED', message: /was shut down/ }),
    t.throwsAsync(waiting, { code: 'ERR_PROCGUARD_POOL_CLOSED' }),
  ]);
  t.like(await pool.close({ graceMs: 50 }), { drained: 0, killed: 1, survivors: 0, abandoned: 2 });
  await rejected;
  t.false(lives(pid));
});

test('a worker that SIGTERM ended in the middle of a request did not drain', async (t) => {
  const { pool, line } = startPool(t, { size: 1 });
  const running = t.throwsAsync(pool.call('ignore_cancel', ['/nonexistent']), {
    code: 'ERR_PROCGUARD_WORKER_DIED',
  });
  await line(/^waiting$/);
  t.like(await pool.close({ graceMs: 0 }), { drained: 0, killed: 0, survivors: 0, abandoned: 1 });
  await running;
});

test('what a worker started goes with it, also what left its session', async (t) => {
  const { pool } = startPool(t, { size: 1 });
  const child = await pool.call<number>('leave_child');
  t.true(lives(child));
  await t.throwsAsync(pool.call('die', [9]));
  await until(() => (lives(child) ? undefined : true), 'the orphan to be ended');
  await pool.restart();

  const another = await pool.call<number>('leave_child');
  const { killed, survivors } = await pool.close();
  // The first was killed before the close.
  t.like({ killed, survivors }, { killed: 1, survivors: 0 });
  t.false(lives(another));
});

test('a rolling restart replaces every worker, and loses no call', async (t) => {
  const { pool } = startPool(t, { size: 3 });
  await pool.ready();
  const before = new Set(pool.stats().workers.map(({ pid }) => pid));
  let restarting = true;
  let least = 3;
  const calls: Promise<unknown>[] = [];
  const load = (async () => {
    for (let n = 0; restarting; n++) {
      calls.push(pool.call('echo', [n]).then((value) => t.is(value, n)));
      least = Math.min(least, pool.stats().ready);
      if (n % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (pool.stats().queued > 500) await calls.at(-1);
    }
  })();
  await pool.restart();
  restarting = false;
  await load;
  await Promise.all(calls);
  const after = pool.stats().workers.map(({ pid }) => pid);
  t.false(after.some((pid) => before.has(pid)));
  t.true(least >= 2, `${least} workers were ready`);
});

test('resize adds workers and lets them go', async (t) => {
  const { pool } = startPool(t, { size: 1 });
  pool.resize(3);
  await pool.ready();
  t.is(pool.stats().ready, 3);
  const pids = pool.stats().workers.map(({ pid }) => pid as number);
  pool.resize(1);
  t.is(pool.stats().size, 1);
  await until(() => (pids.filter(lives).length === 1 ? true : undefined), 'two workers to leave');
  t.is(await pool.call('echo', [1]), 1);
});

test('a worker is replaced after maxRequests, at maxAgeMs, and above maxRssBytes', async (t) => {
  const requests = startPool(t, { maxRequests: 2 }).pool;
  const pids = [];
  for (let n = 0; n < 4; n++) pids.push(await requests.call<number>('pid'));
  t.true(new Set(pids).size >= 2, String(pids));

  const aged = startPool(t, { maxAgeMs: 500 }).pool;
  const first = await aged.call<number>('pid');
  await until(async () => ((await aged.call('pid')) !== first ? true : undefined), 'a younger worker');

  const fat = startPool(t, { maxRssBytes: 100 * 1024 * 1024 }).pool;
  const slim = await fat.call<number>('pid');
  t.is(await fat.call('grow', [200 * 1024 * 1024]), slim);
  await until(async () => ((await fat.call('pid')) !== slim ? true : undefined), 'a slimmer worker');
});

test('await using closes the pool', async (t) => {
  const { pool } = startPool(t);
  const pid = await pool.call<number>('pid');
  await within(pool[Symbol.asyncDispose](), 'the pool to close');
  t.false(lives(pid));
});

test('a pool that is closed before it has started anything closes', async (t) => {
  const pool = new Pool({ command: 'python3', size: 4 });
  t.like(await within(pool.close(), 'the pool to close'), { survivors: 0, killed: 0 });
  await t.throwsAsync(pool.ready(), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
});

test('close waits for a request that was made before any worker had been started', async (t) => {
  const { pool } = startPool(t);
  const answer = pool.call('echo', ['early']);
  const closed = pool.close();
  t.is(await within(answer, 'the answer'), 'early');
  t.like(await closed, { drained: 1, killed: 0, abandoned: 0 });
});

test('a pool with more workers than start or leave at a time starts and drains all', async (t) => {
  const size = 2 * availableParallelism() + 3;
  const { pool } = startPool(t, { size });
  await pool.ready();
  t.is(new Set(pool.stats().workers.map(({ pid }) => pid)).size, size);
  t.like(await pool.close(), { drained: size, killed: 0, survivors: 0, abandoned: 0 });
});
