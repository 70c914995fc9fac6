import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Pool, PoolOptions } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { fixture, lives, startPool, type TestPool, temporaryFolder } from './pools.js';

/** A pool of workers that start only while the file `gate` exists. */
function startGated(t: ExecutionContext, options: Partial<PoolOptions>): TestPool & { gate: string } {
  const gate = join(temporaryFolder(t), 'gate');
  writeFileSync(gate, '');
  const text = `import os, runpy, sys
if not os.path.exists(${JSON.stringify(gate)}): sys.exit("no model file")
runpy.run_path(${JSON.stringify(fixture('worker.py'))}, run_name="__main__")`;
  return { ...startPool(t, { args: ['-c', text], ...options }), gate };
}

const stateOf = ({ pool }: TestPool, slot: number) => pool.stats().workers[slot]?.state;

/** A key of affinity that belongs to this slot. */
async function keyOf(pool: Pool, slot: number): Promise<string> {
  for (let n = 0; ; n++) {
    const pid = await pool.call('pid', [], { affinity: `key ${n}` });
    if (pid === pool.stats().workers[slot]?.pid) return `key ${n}`;
  }
}

/** A pool of four, of which a restart leaves two, and whose workers wait at their start until `gate` exists. */
function startFour(t: ExecutionContext): TestPool & { gate: string } {
  const gate = join(temporaryFolder(t), 'gate');
  writeFileSync(gate, '');
  const text = `import os, runpy, time
while not os.path.exists(${JSON.stringify(gate)}): time.sleep(0.005)
runpy.run_path(${JSON.stringify(fixture('worker.py'))}, run_name="__main__")`;
  return {
    ...startPool(t, { args: ['-c', text], size: 4, restart: { minHealthy: 2 } }),
    gate,
  };
}

const statesOf = (pool: Pool) => pool.stats().workers.map(({ state }) => state);

test('a restart lets as many leave at once as minHealthy allows, and never more', async (t) => {
  const { pool, gate } = startFour(t);
  const folder = temporaryFolder(t);
  await pool.ready();
  const before = pool.stats().workers.map(({ pid }) => pid);
  const keys = await Promise.all([0, 1, 2, 3].map((slot) => keyOf(pool, slot)));
  const held = keys.map((affinity, n) => pool.call('wait_for', [join(folder, `${n}`)], { affinity }));
  let least = 4;
  let isOver = false;
  const restarted = pool.restart().then(() => {
    isOver = true;
  });
  t.deepEqual(statesOf(pool), ['leaving', 'leaving', 'ready', 'ready']);

  rmSync(gate);
  for (const n of [0, 1]) writeFileSync(join(folder, `${n}`), '');
  await until(
    () => (statesOf(pool).slice(0, 2).join() === 'starting,starting' ? true : undefined),
    'two to leave',
  );
  t.deepEqual(statesOf(pool), ['starting', 'starting', 'ready', 'ready']);

  writeFileSync(gate, '');
  await until(() => (statesOf(pool).slice(2).includes('leaving') ? true : undefined), 'a third to leave');
  for (const n of [2, 3]) writeFileSync(join(folder, `${n}`), '');
  while (!isOver) {
    least = Math.min(least, pool.stats().ready);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([restarted, ...held]);
  t.is(least, 2);
  t.like(pool.stats(), { ready: 4 });
  t.false(pool.stats().workers.some(({ pid }) => before.includes(pid)));
});

test('a worker that is not ready counts as one that is away, and minHealthy stay ready', async (t) => {
  const { pool, gate } = startFour(t);
  await pool.ready();
  const before = pool.stats().workers.map(({ pid }) => pid as number);
  rmSync(gate);
  process.kill(before[3] as number, 'SIGKILL');
  await until(() => (statesOf(pool)[3] === 'starting' ? true : undefined), 'the fourth to be dead');

  let isOver = false;
  const restarted = pool.restart().then(() => {
    isOver = true;
  });
  await until(() => (statesOf(pool)[0] === 'starting' ? true : undefined), 'the first to leave');
  t.deepEqual(statesOf(pool), ['starting', 'ready', 'ready', 'starting']);

  process.kill(before[1] as number, 'SIGKILL');
  await until(() => (statesOf(pool)[1] === 'starting' ? true : undefined), 'the second to be dead');
  t.deepEqual(statesOf(pool), ['starting', 'starting', 'ready', 'starting']);

  writeFileSync(gate, '');
  while (!isOver) {
    const { ready, workers } = pool.stats();
    if (workers.some(({ state }) => state === 'leaving') && ready < 2) t.fail(`${ready} were ready`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await restarted;
  t.like(pool.stats(), { ready: 4 });
  t.false(pool.stats().workers.some(({ pid }) => before.includes(pid as number)));
});

test('a restart of which the floor is out of reach rejects, and takes no further worker away', async (t) => {
  const { pool, gate } = startGated(t, { size: 3, restart: { minHealthy: 2, maxFailedStarts: 1 } });
  await pool.ready();
  const pids = pool.stats().workers.map(({ pid }) => pid);
  rmSync(gate);
  await t.throwsAsync(pool.restart(), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  t.like(pool.stats(), { ready: 2, failed: 1 });
  t.deepEqual(
    pool.stats().workers.map(({ pid }) => pid),
    [undefined, pids[1], pids[2]],
  );
});

test('a floor above what a resize leaves does not hold a restart up', async (t) => {
  const { pool } = startPool(t, { size: 3, restart: { minHealthy: 2 } });
  await pool.ready();
  pool.resize(2);
  await within(pool.restart(), 'the restart');
  t.deepEqual(
    pool.stats().workers.map(({ restarts }) => restarts),
    [1, 1],
  );
});

test('two restarts at once run one after the other', async (t) => {
  const { pool } = startPool(t, { size: 2 });
  await pool.ready();
  const between = pool.stats().workers.map(({ pid }) => pid);
  let least = 2;
  const both = Promise.all([pool.restart(), pool.restart()]).then(() => true);
  let isOver = false;
  void both.then(() => {
    isOver = true;
  });
  while (!isOver) {
    least = Math.min(least, pool.stats().ready);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.is(least, 1);
  t.deepEqual(
    pool.stats().workers.map(({ restarts }) => restarts),
    [2, 2],
  );
  t.false(pool.stats().workers.some(({ pid }) => between.includes(pid)));
});

test('a restart that is asked for while one is under way takes no second worker away', async (t) => {
  const started = startPool(t, { size: 2 });
  const { pool } = started;
  const gate = join(temporaryFolder(t), 'gate');
  await pool.ready();
  const held = pool.call('wait_for', [gate], { affinity: await keyOf(pool, 1) });
  const first = pool.restart();
  await until(() => (stateOf(started, 1) === 'leaving' ? true : undefined), 'the second worker to leave');
  const second = pool.restart();
  await new Promise((resolve) => setImmediate(resolve));
  t.is(stateOf(started, 0), 'ready');
  writeFileSync(gate, '');
  await Promise.all([first, second, held]);
  t.is(pool.stats().ready, 2);
});

test('a worker that leaves does not count as ready, and ready() waits for the next', async (t) => {
  const started = startPool(t, { size: 2 });
  const { pool } = started;
  const gate = join(temporaryFolder(t), 'gate');
  await pool.ready();
  const held = pool.call('wait_for', [gate], { affinity: await keyOf(pool, 0) });
  const restarted = pool.restart();
  await until(() => (stateOf(started, 0) === 'leaving' ? true : undefined), 'the first worker to leave');
  t.is(pool.stats().ready, 1);
  const ready = pool.ready().then(() => pool.stats().workers[0]?.restarts);
  writeFileSync(gate, '');
  t.is(await ready, 1);
  await Promise.all([restarted, held]);
  t.is(pool.stats().ready, 2);
});

test('a restart while the workers start ends with a pool that works', async (t) => {
  const { pool } = startPool(t, { size: 2 });
  const waiting = pool.call('echo', ['waited']);
  await within(pool.restart(), 'the restart');
  t.is(await waiting, 'waited');
  t.is(pool.stats().ready, 2);
});

test('a restart revives a pool that has failed', async (t) => {
  const { pool, gate } = startGated(t, { size: 2 });
  rmSync(gate);
  const error = await t.throwsAsync(pool.ready(), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  t.regex(error.message, /no model file/);
  await t.throwsAsync(pool.restart(), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  t.deepEqual(
    pool.stats().workers.map(({ restarts }) => restarts),
    // Three tries each, and three more of the one that was revived first.
    [5, 2],
  );
  await t.throwsAsync(pool.call('echo', [1]), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  writeFileSync(gate, '');
  await pool.restart();
  t.is(await pool.call('echo', [1]), 1);
  t.like(pool.stats(), { ready: 2, failed: 0 });
});

test('a restart stops at the first replacement that does not start, and the others go on', async (t) => {
  const { pool, gate } = startGated(t, { size: 2 });
  await pool.ready();
  const pids = pool.stats().workers.map(({ pid }) => pid);
  rmSync(gate);
  const error = await t.throwsAsync(pool.restart(), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  t.regex(error.message, /no model file/);
  t.like(pool.stats(), { ready: 1, failed: 1 });
  t.is(await pool.call<number | undefined>('pid'), pids[1]);
});

test('a restart that a close overtakes rejects, and the close ends', async (t) => {
  const started = startPool(t, { size: 2 });
  const { pool, line } = started;
  const folder = temporaryFolder(t);
  await pool.ready();
  const held = ['a', 'b'].map((name) => pool.call('wait_for', [join(folder, name)]));
  await line(/^waiting$/);
  const restarted = t.throwsAsync(pool.restart(), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
  const queued = t.throwsAsync(pool.restart(), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
  const closed = pool.close();
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), '');
  t.like(await closed, { abandoned: 0, survivors: 0, killed: 0 });
  await Promise.all([restarted, queued, ...held]);
  await t.throwsAsync(pool.restart(), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
});

test('a call that never ends holds a restart up for graceMs, and is rejected then', async (t) => {
  const { pool, line } = startPool(t, { shutdown: { graceMs: 5000 } });
  const stuck = t.throwsAsync(pool.call('ignore_cancel', ['/nonexistent']), {
    code: 'ERR_PROCGUARD_WORKER_DIED',
    message: /was shut down/,
  });
  await line(/^waiting$/);
  const [{ pid }] = pool.stats().workers as unknown as [{ pid: number }];
  const began = performance.now();
  const restarted = pool.restart();
  const waiting = pool.call('echo', ['waited']);
  await restarted;
  t.true(performance.now() - began >= 5000);
  await stuck;
  t.false(lives(pid));
  t.is(await waiting, 'waited');
});

test('workers that are recycled leave one at a time, also during a restart', async (t) => {
  const { pool } = startPool(t, { size: 3, maxRequests: 1 });
  await pool.ready();
  let least = 3;
  let isOver = false;
  const work = Promise.all([
    ...Array.from({ length: 9 }, (_, n) => pool.call('echo', [n])),
    pool.restart(),
  ]).then((answers) => {
    isOver = true;
    return answers;
  });
  while (!isOver) {
    least = Math.min(least, pool.stats().ready);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.deepEqual((await work).slice(0, 9), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  t.true(least >= 2, `${least} workers were there`);
});

test('a single worker gets no request beyond maxRequests, however many wait', async (t) => {
  const { pool } = startPool(t, { maxRequests: 2 });
  const pids = await Promise.all(Array.from({ length: 6 }, () => pool.call('pid')));
  const [first, , second, , third] = pids;
  t.deepEqual(pids, [first, first, second, second, third, third]);
  t.is(new Set(pids).size, 3);
});

test('a resize during a restart loses no call and keeps the new size', async (t) => {
  const { pool } = startPool(t, { size: 2 });
  await pool.ready();
  const restarted = pool.restart();
  pool.resize(3);
  const calls = Promise.all(Array.from({ length: 50 }, (_, n) => pool.call('echo', [n])));
  pool.resize(1);
  await restarted;
  t.deepEqual(
    await calls,
    Array.from({ length: 50 }, (_, n) => n),
  );
  await pool.ready();
  t.like(pool.stats(), { size: 1, ready: 1 });
});

test('a worker that is let go finishes what it has', async (t) => {
  const { pool } = startPool(t, { size: 2 });
  const folder = temporaryFolder(t);
  await pool.ready();
  const held = ['a', 'b'].map((name) => pool.call<number>('wait_for', [join(folder, name)]));
  pool.resize(1);
  t.is(pool.stats().size, 1);
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), '');
  const pids = await Promise.all(held);
  t.is(new Set(pids).size, 2);
  await until(() => (pids.filter(lives).length === 1 ? true : undefined), 'one worker to leave');
});

test('a worker that waits for its turn to leave gets nothing more', async (t) => {
  const size = 8;
  const { pool } = startPool(t, { size });
  const gate = join(temporaryFolder(t), 'gate');
  await pool.ready();
  const [first] = pool.stats().workers;
  const held = Array.from({ length: size }, () => pool.call('wait_for', [gate]));
  const queued = Array.from({ length: 20 }, () => pool.call<number>('pid'));
  pool.resize(1);
  writeFileSync(gate, '');
  t.deepEqual(new Set(await Promise.all(queued)), new Set([first?.pid]));
  await Promise.all(held);
});

test('a resize that leaves only failed workers rejects what waits', async (t) => {
  const started = startGated(t, { size: 2, shutdown: { graceMs: 5000 } });
  const { pool, gate } = started;
  const open = join(temporaryFolder(t), 'open');
  await pool.ready();
  rmSync(gate);
  await t.throwsAsync(pool.restart());
  t.is(stateOf(started, 0), 'failed');
  const running = pool.call('wait_for', [open]);
  const waiting = pool.call('echo', [1]);
  pool.resize(1);
  await t.throwsAsync(within(waiting, 'a rejection'), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  writeFileSync(open, '');
  await t.notThrowsAsync(running);
  t.false(existsSync(gate));
});

test('sizes that are no sizes are refused', async (t) => {
  const { pool } = startPool(t);
  for (const size of [0, -1, 1.5, 10_001, '2', null, undefined]) {
    t.throws(() => pool.resize(size as number), { code: 'ERR_PROCGUARD_INVALID_OPTION', message: /`size`/ });
  }
  await pool.close();
  t.throws(() => pool.resize(2), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
});
