import { spawnSync } from 'node:child_process';
import test from 'ava';
import { NumericArray, ProcguardError } from '../../lib/index.js';
import { fixture, startPool } from './pools.js';

// Not every python3 has numpy, which procguard doesn't need; Debian's python3-numpy is that of /usr/bin.
const python = ['python3', '/usr/bin/python3'].find(
  (command) => spawnSync(command, ['-c', 'import numpy']).status === 0,
);
// Left out where there is none, unless everything that a test needs was to be installed: then it must fail.
const withNumpy = python === undefined && process.env.TEST_EVERYTHING !== '1' ? test.skip : test;

const worker = { command: python ?? 'python3', args: [fixture('numpy_worker.py')] };

const arrays: [dtype: string, array: NumericArray, numbers: string][] = [
  ['|b1', new NumericArray(new Uint8Array([0, 1]), [2], '|b1'), '[False, True]'],
  ['|i1', new NumericArray(new Int8Array([-128, 127])), '[-128, 127]'],
  ['<i2', new NumericArray(new Int16Array([-32768, 32767])), '[-32768, 32767]'],
  ['<i4', new NumericArray(new Int32Array([-(2 ** 31), 2 ** 31 - 1])), '[-2147483648, 2147483647]'],
  [
    '<i8',
    new NumericArray(new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n])),
    `[${-(2n ** 63n)}, ${2n ** 63n - 1n}]`,
  ],
  ['|u1', new NumericArray(new Uint8Array([0, 255]), [2], '|u1'), '[0, 255]'],
  ['<u2', new NumericArray(new Uint16Array([0, 65535])), '[0, 65535]'],
  ['<u4', new NumericArray(new Uint32Array([0, 2 ** 32 - 1])), '[0, 4294967295]'],
  ['<u8', new NumericArray(new BigUint64Array([0n, 2n ** 64n - 1n])), `[0, ${2n ** 64n - 1n}]`],
  ['<f2', new NumericArray(new Uint16Array([0x3c00, 0xfc00]), [2], '<f2'), '[1.0, -inf]'],
  ['<f4', new NumericArray(new Float32Array([0.5, Number.NaN])), '[0.5, nan]'],
  ['<f8', new NumericArray(new Float64Array([0.1, Number.POSITIVE_INFINITY])), '[0.1, inf]'],
  [
    '<c8',
    new NumericArray(new Uint8Array(new Float32Array([1, 2, 3, -4]).buffer), [2], '<c8'),
    '[(1+2j), (3-4j)]',
  ],
  [
    '<c16',
    new NumericArray(new Uint8Array(new Float64Array([1, 2, 3, -4]).buffer), [2], '<c16'),
    '[(1+2j), (3-4j)]',
  ],
];

withNumpy(
  'arrays of each dtype arrive in numpy as they are, read-only, and come back the same',
  async (t) => {
    const { pool } = startPool(t, worker);
    for (const [dtype, array, numbers] of arrays) {
      t.is(array.dtype, dtype);
      t.deepEqual(await pool.call('describe', [array]), ['ndarray', dtype, [2], numbers, false], dtype);
      t.deepEqual(await pool.call('echo', [array]), array, dtype);
    }
  },
);

withNumpy('shapes survive', async (t) => {
  const { pool } = startPool(t, worker);
  for (const shape of [[24], [4, 6], [2, 3, 4], [1, 24, 1, 1], [24, 1]]) {
    const array = new NumericArray(new Float64Array(24).map(Math.sqrt), shape);
    const described = await pool.call<unknown[]>('describe', [array]);
    t.deepEqual(described.slice(1, 3), ['<f8', shape]);
    t.deepEqual(await pool.call('echo', [array]), array);
  }
  for (const shape of [[0], [3, 0, 2]]) {
    const empty = new NumericArray(new Int32Array(0), shape);
    t.deepEqual((await pool.call<unknown[]>('describe', [empty])).slice(1, 3), ['<i4', shape]);
    t.deepEqual(await pool.call('echo', [empty]), empty);
  }
});

withNumpy('a big-endian array is one in numpy, and comes back in the order of this machine', async (t) => {
  const { pool } = startPool(t, worker);
  const swapped = Buffer.from(new ArrayBuffer(8));
  swapped.writeFloatBE(0.5, 0);
  swapped.writeFloatBE(-2, 4);
  const array = new NumericArray(new Float32Array(swapped.buffer), [2], '>f4');
  t.deepEqual(await pool.call('describe', [array]), ['ndarray', '>f4', [2], '[0.5, -2.0]', false]);
  t.deepEqual(await pool.call('echo', [array]), new NumericArray(new Float32Array([0.5, -2])));
});

withNumpy('an array without dimensions arrives as a numpy scalar of its dtype', async (t) => {
  const { pool } = startPool(t, worker);
  const array = new NumericArray(new Float32Array([0.5]), []);
  t.deepEqual(await pool.call('describe', [array]), ['float32', '<f4', [], '0.5', false]);
});

for (const [name, expected] of [
  ['every second', new NumericArray(new Int32Array([0, 2, 4, 6, 8]))],
  ['backwards', new NumericArray(new Float64Array([3, 2, 1, 0]))],
  ['transposed', new NumericArray(new Int16Array([0, 3, 1, 4, 2, 5]), [3, 2])],
  ['fortran order', new NumericArray(new Float32Array([0, 1, 2, 3, 4, 5]), [2, 3])],
  ['broadcast', new NumericArray(new Uint32Array([1, 2, 1, 2, 1, 2]), [3, 2])],
  ['a column', new NumericArray(new Uint8Array([1, 4]), [2], '|u1')],
  ['big-endian', new NumericArray(new Int32Array([1, 2, 258]))],
  ['big-endian complex', new NumericArray(new Uint8Array(new Float64Array([1, 2]).buffer), [1], '<c16')],
  ['no dimension', new NumericArray(new Float32Array([1.5]), [])],
  ['no dimension, big-endian', new NumericArray(new Uint16Array([7]), [])],
  ['empty', new NumericArray(new Float64Array(0), [0])],
  ['empty in one dimension', new NumericArray(new BigInt64Array(0), [3, 0, 2])],
  ['a complex scalar', new NumericArray(new Uint8Array(new Float32Array([1, -1]).buffer), [], '<c8')],
  ['a float scalar', 1.5],
  ['a half scalar', 0.5],
  ['an integer scalar', -7],
  ['an unsigned scalar', 255],
  ['a boolean scalar', true],
  ['not a number', Number.NaN],
  ['a matrix', new NumericArray(new Float64Array([1, 0, 0, 1]), [2, 2])],
  ['nested', { a: [new NumericArray(new Int32Array([0, 1])), [0.5, Buffer.from('bytes')]] }],
] as [string, unknown][]) {
  withNumpy(`from numpy: ${name}`, async (t) => {
    const { pool } = startPool(t, worker);
    t.deepEqual(await pool.call('make', [name]), expected);
  });
}

for (const [name, message] of [
  ['objects', /numpy\.ndarray.*dtype object/],
  ['text', /numpy\.ndarray.*dtype <U1/],
  ['dates', /numpy\.ndarray.*dtype datetime64\[D\]/],
  ['records', /numpy\.ndarray.*dtype \[\('a', '<f4'\)/],
  ...(process.platform === 'linux' ? [['long doubles', /numpy\.ndarray.*dtype float128/] as const] : []),
  ['masked', /MaskedArray.*filled\(\)/],
] as const) {
  withNumpy(`from numpy: ${name} are refused, and why is said`, async (t) => {
    const { pool } = startPool(t, worker);
    const error = await t.throwsAsync(pool.call('make', [name]), {
      instanceOf: ProcguardError,
      code: 'ERR_PROCGUARD_UNSERIALIZABLE',
    });
    t.regex(error.message, message);
    t.is(await pool.call('echo', [1]), 1);
  });
}

withNumpy('an array that arrives cannot be changed, its copy can', async (t) => {
  const { pool } = startPool(t, worker);
  const array = new NumericArray(new Int32Array([1, 2]));
  await t.throwsAsync(pool.call('change', [array]), { message: /read-only/ });
  t.deepEqual(await pool.call('change_copy', [array]), new NumericArray(new Int32Array([100, 2])));
});

withNumpy('a large array makes the round trip', async (t) => {
  const { pool } = startPool(t, worker);
  const array = new NumericArray(
    Float64Array.from({ length: 1_000_000 }, (_, n) => n / 3),
    [1000, 1000],
  );
  const back = await pool.call<NumericArray>('echo', [array]);
  t.deepEqual([back.dtype, back.shape], ['<f8', [1000, 1000]]);
  t.true(
    Buffer.from(back.data.buffer, back.data.byteOffset, back.data.byteLength).equals(
      Buffer.from(array.data.buffer),
    ),
  );
});
