import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Pool } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { lives, startPool, temporaryFolder } from './pools.js';

test('a call that waits for the first worker is answered, though the pool is closed', async (t) => {
  const { pool } = startPool(t, { size: 3 });
  const waiting = pool.call('echo', ['waited']);
  const closed = pool.close();
  t.is(await within(waiting, 'the answer'), 'waited');
  t.like(await closed, { killed: 0, survivors: 0, abandoned: 0 });
});

test('a worker that is starting does not hold a close up', async (t) => {
  const { pool, line } = startPool(t, {
    args: ['-c', 'import sys, time; print("loading", flush=True); time.sleep(60)'],
  });
  await line(/^loading$/);
  const [{ pid }] = pool.stats().workers as unknown as [{ pid: number }];
  const { killed, survivors, durationMs } = await within(pool.close(), 'the pool to close');
  t.like({ killed, survivors }, { killed: 0, survivors: 0 });
  t.true(durationMs < 3000, `${durationMs} ms`);
  t.false(lives(pid));
});

test('a worker that is starting and ignores SIGTERM is killed', async (t) => {
  const { pool, line } = startPool(t, {
    args: [
      '-c',
      'import signal, time; signal.signal(15, signal.SIG_IGN); print("loading", flush=True); time.sleep(60)',
    ],
  });
  await line(/^loading$/);
  t.like(await within(pool.close(), 'the pool to close'), { killed: 1, survivors: 0, drained: 0 });
});

test('a call that may be retried is rejected when no worker is left for it', async (t) => {
  const { pool, line } = startPool(t);
  await pool.call('ignore_sigterm');
  const running = pool.call('ignore_cancel', ['/nonexistent'], { idempotent: true, retries: 5 });
  await line(/^waiting$/);
  const rejected = t.throwsAsync(within(running, 'a rejection'), { code: 'ERR_PROCGUARD_WORKER_DIED' });
  await pool.close({ graceMs: 0 });
  await rejected;
  t.like(pool.stats(), { queued: 0, inFlight: 0 });
});

test('a call that dies with its worker while the pool closes is retried within graceMs', async (t) => {
  const { pool, line } = startPool(t);
  const file = join(temporaryFolder(t), 'go');
  const retried = pool.call('wait_for', [file], { idempotent: true, retries: 1 });
  await line(/^waiting$/);
  const closed = pool.close();
  const [worker] = pool.stats().workers;
  process.kill(worker!.pid!, 'SIGKILL');
  writeFileSync(file, '');
  t.not(await within(retried, 'the answer'), worker!.pid);
  t.like(await closed, { abandoned: 0, survivors: 0 });
});

test('a pool that cannot start anything closes at once', async (t) => {
  const pool = new Pool({ command: '/nonexistent/python', size: 2, onOutput: () => {} });
  const waiting = t.throwsAsync(pool.call('x'), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  t.like(await within(pool.close(), 'the pool to close'), { survivors: 0, abandoned: 0 });
  await waiting;
});

test('after a close everything is refused with one code', async (t) => {
  const { pool } = startPool(t);
  await pool.ready();
  const first = pool.close({ graceMs: 100 });
  t.is(pool.close(), first);
  t.is(pool.close({ graceMs: 200_000 }), first);
  const closed = { code: 'ERR_PROCGUARD_POOL_CLOSED' };
  for (const when of ['during', 'after']) {
    await t.throwsAsync(pool.call('echo', [1]), closed, when);
    await t.throwsAsync(pool.ready(), closed, when);
    await t.throwsAsync(pool.restart(), closed, when);
    await t.throwsAsync(async () => {
      for await (const item of pool.stream('count', [1])) t.fail(String(item));
    }, closed);
    t.throws(() => pool.resize(2), closed, when);
    await first;
  }
  t.is(await pool[Symbol.asyncDispose](), undefined);
});

test('a stream that is read when the pool closes is finished', async (t) => {
  const { pool } = startPool(t);
  const stream = pool.stream<number>('count', [200]);
  t.is((await stream.next()).value, 0);
  const closed = pool.close();
  const items = [];
  for await (const item of stream) items.push(item);
  t.is(items.length, 199);
  t.like(await closed, { abandoned: 0, killed: 0 });
});

test('a program that never reads is closed', async (t) => {
  const pool = new Pool({ command: 'sleep', args: ['60'], size: 2, startTimeoutMs: 60_000 });
  await until(() => (pool.stats().workers.every(({ pid }) => pid) ? true : undefined), 'the processes');
  t.like(await within(pool.close(), 'the pool to close'), { killed: 0, survivors: 0 });
});

test('a close that comes while workers are away keeps its promise', async (t) => {
  const { pool } = startPool(t, { size: 2 });
  const folder = temporaryFolder(t);
  await pool.ready();
  const held = pool.call('wait_for', [join(folder, 'go')]);
  pool.resize(1);
  const restarted = pool.restart().catch(() => {});
  const closed = pool.close();
  writeFileSync(join(folder, 'go'), '');
  t.is(typeof (await held), 'number');
  t.like(await within(closed, 'the pool to close'), { killed: 0, survivors: 0, abandoned: 0 });
  await restarted;
});
