import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { until, within } from '../helpers/deadline.js';
import { startPool, temporaryFolder } from './pools.js';

test('a generator is a stream, and a call gets the list of its items', async (t) => {
  const { pool } = startPool(t);
  const items: number[] = [];
  for await (const item of pool.stream<number>('count', [1000])) items.push(item);
  t.deepEqual(
    items,
    Array.from({ length: 1000 }, (_, n) => n),
  );
  t.deepEqual(await pool.call('count', [3]), [0, 1, 2]);
  const single: unknown[] = [];
  for await (const item of pool.stream('echo', ['one'])) single.push(item);
  t.deepEqual(single, ['one']);
});

test('a stream that fails delivers what came before', async (t) => {
  const { pool } = startPool(t);
  const items: number[] = [];
  const error = await t.throwsAsync(
    async () => {
      for await (const item of pool.stream<number>('count_and_fail', [3])) items.push(item);
    },
    { code: 'ERR_PROCGUARD_WORKER_ERROR' },
  );
  t.deepEqual(items, [0, 1, 2]);
  t.regex(error.message, /enough/);
});

test('a slow reader holds the worker up', async (t) => {
  const { pool } = startPool(t);
  const file = join(temporaryFolder(t), 'produced');
  const stream = pool.stream<number>('produced', [file]);
  t.deepEqual(await stream.next(), { done: false, value: 1 });
  const produced = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
  await until(() => (produced() >= 32 ? true : undefined), 'the credit to be used up');
  // Nothing to observe: what must not happen has no end.
  await sleep(200);
  t.true(produced() <= 34, `${produced()} items`);
  await stream.return?.();
  t.is(await pool.call('echo', [1]), 1);
});

test('leaving the loop cancels the request', async (t) => {
  const { pool } = startPool(t);
  const file = join(temporaryFolder(t), 'produced');
  for await (const item of pool.stream<number>('produced', [file])) if (item === 100) break;
  t.is(await pool.call('echo', [1]), 1);
  t.like(pool.stats(), { cancelled: 1, succeeded: 1, rejected: 0, inFlight: 0 });
});

test('a reader that waits for an item is let go when the stream is left', async (t) => {
  const { pool } = startPool(t);
  const stream = pool.stream('wait_for', ['/nonexistent']);
  const waiting = [stream.next(), stream.next()];
  await stream.return?.();
  const end = { done: true, value: undefined };
  t.deepEqual(await within(Promise.all(waiting), 'the readers to be let go'), [end, end]);
  t.like(pool.stats(), { cancelled: 1 });
});
