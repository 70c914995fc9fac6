import { join } from 'node:path';
import test from 'ava';
import { NumericArray } from '../../lib/index.js';
import { ROOT } from '../helpers/fixtures.js';
import { startPool } from './pools.js';

const perl = { command: 'perl', args: [join(ROOT, 'examples/worker.pl')] };

test('a pool of workers in another language keeps the same promises', async (t) => {
  const { pool } = startPool(t, { ...perl, size: 2, concurrency: 4 });
  await pool.ready();
  const sums = Array.from({ length: 100 }, (_, n) => pool.call('sum', [n, 1]));
  t.deepEqual(
    await Promise.all(sums),
    Array.from({ length: 100 }, (_, n) => n + 1),
  );
  const args = [
    Buffer.alloc(300_000, 7),
    Number.NaN,
    new NumericArray(new Float32Array([1, 2])),
    { $a: 'ü' },
  ];
  t.deepEqual(await pool.call('echo', args), args);
  await t.throwsAsync(pool.call('missing'), { code: 'ERR_PROCGUARD_UNKNOWN_METHOD' });
  const items = [];
  for await (const item of pool.stream('count', [500])) items.push(item);
  t.is(items.length, 500);
  for await (const item of pool.stream<number>('count', [1e9])) if (item === 100) break;
  await pool.restart();
  t.is(await pool.call('sum', [1, 2]), 3);
  t.like(await pool.close(), { drained: 2, killed: 0, survivors: 0, abandoned: 0 });
});
