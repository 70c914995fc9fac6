import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startPool, temporaryFolder } from './pools.js';

test('an error of a call shows in its stack who made the call', async (t) => {
  const { pool } = startPool(t);
  const askInVain = async () => {
    await pool.call('no such handler');
  };
  const unknown = await t.throwsAsync(askInVain(), { code: 'ERR_PROCGUARD_UNKNOWN_METHOD' });
  t.regex(unknown.stack ?? '', /async askInVain .*arguments\.test/);
  const askTooLong = async () => {
    await pool.call('wait_for', [join(temporaryFolder(t), 'never')], { timeoutMs: 50 });
  };
  const late = await t.throwsAsync(askTooLong(), { code: 'ERR_PROCGUARD_CALL_TIMEOUT' });
  t.regex(late.stack ?? '', /async askTooLong .*arguments\.test/);
  t.false('errno' in late);
  const askWrongly = async () => {
    await pool.call('echo', [{ deep: [[[1n]]] }]);
  };
  const wrong = await t.throwsAsync(askWrongly(), { code: 'ERR_PROCGUARD_UNSERIALIZABLE' });
  t.regex(wrong.stack ?? '', /async askWrongly .*arguments\.test/);
});

const cycle: { self?: unknown } = {};
cycle.self = cycle;

for (const [name, value, message] of [
  ['a function', () => {}, /`args\[0\]\.deep`: it is a function\. Leave it out/],
  ['a BigInt', 1n, /`args\[0\]\.deep`: it is a BigInt\. Send a string/],
  ['a symbol', Symbol('s'), /`args\[0\]\.deep`: it is a symbol\./],
  ['a cycle', cycle, /`args\[0\]\.deep\.self`: it is `args\[0\]\.deep` again, a cycle\./],
  ['a Map', new Map(), /`args\[0\]\.deep`: it is a Map\./],
  ['a promise', Promise.resolve(), /`args\[0\]\.deep`: it is a promise\./],
  ['an Error', new TypeError('no'), /`args\[0\]\.deep`: it is an Error\. Send its message/],
  ['a regular expression', /no/, /`args\[0\]\.deep`: it is a regular expression\./],
  ['a Blob', new Blob([]), /`args\[0\]\.deep`: it is a Blob\./],
  ['a weak reference', new WeakMap(), /`args\[0\]\.deep`: it is a weak reference\./],
] as [string, unknown, RegExp][]) {
  test(`${name} among the arguments is refused, with its place, and the pool goes on`, async (t) => {
    const { pool } = startPool(t);
    const error = await t.throwsAsync(pool.call('echo', [{ deep: value }]), {
      code: 'ERR_PROCGUARD_UNSERIALIZABLE',
    });
    t.regex(error.message, message);
    t.throws(() => pool.stream('echo', [{ deep: value }]), { code: 'ERR_PROCGUARD_UNSERIALIZABLE' });
    t.like(pool.stats(), { queued: 0, inFlight: 0 });
    t.is(await pool.call('echo', [1]), 1);
  });
}

test('arguments over a limit are refused, also when no worker is free', async (t) => {
  const { pool, line } = startPool(t);
  const file = join(temporaryFolder(t), 'go');
  const held = pool.call('wait_for', [file]);
  await line(/^waiting$/);
  for (const [args, what] of [
    [['x'.repeat(2 ** 26)], /67108\d+ bytes as JSON; the limit is 67108864/],
    [['ü'.repeat(2 ** 25)], /67108\d+ bytes as JSON/],
    [[Buffer.alloc(2 ** 30), Buffer.alloc(1)], /1073741825 bytes of binary parts; the limit is 1073741824/],
  ] as [unknown[], RegExp][]) {
    const error = await t.throwsAsync(pool.call('echo', args), { code: 'ERR_PROCGUARD_TOO_LARGE' });
    t.regex(error.message, what);
  }
  writeFileSync(file, '');
  await held;
  t.is(await pool.call('echo', [1]), 1);
  t.like(pool.stats(), { queued: 0, inFlight: 0 });
});

test('arguments just under the limit arrive', async (t) => {
  const { pool } = startPool(t);
  const text = 'x'.repeat(2 ** 26 - 200);
  t.is(((await pool.call('echo', [text])) as string).length, text.length);
});

test('a result over the limit rejects its call only', async (t) => {
  const { pool } = startPool(t);
  const error = await t.throwsAsync(pool.call('repeat', [2 ** 26]), { code: 'ERR_PROCGUARD_TOO_LARGE' });
  t.regex(error.message, /repeat: .*67108864/);
  t.is(await pool.call('echo', [1]), 1);
});

test('wrong methods, arguments and options are refused by name', async (t) => {
  const { pool } = startPool(t);
  for (const [method, args, options, name] of [
    ['', [], {}, 'method'],
    [1, [], {}, 'method'],
    ['echo', 'x', {}, 'args'],
    ['echo', [], { timeoutMs: 0 }, 'timeoutMs'],
    ['echo', [], { timeoutMs: 2 ** 31 }, 'timeoutMs'],
    ['echo', [], { signal: {} }, 'signal'],
    ['echo', [], { affinity: 1 }, 'affinity'],
    ['echo', [], { priority: 0.5 }, 'priority'],
    ['echo', [], { priority: 1001 }, 'priority'],
    ['echo', [], { retries: 1 }, 'retries'],
    ['echo', [], { idempotent: 'yes' }, 'idempotent'],
    ['echo', [], { timeout: 1 }, 'options.timeout'],
    ['echo', [], null, 'options'],
  ] as [string, unknown[], object, string][]) {
    const error = await t.throwsAsync(pool.call(method, args, options), {
      code: 'ERR_PROCGUARD_INVALID_OPTION',
    });
    t.true(error.message.includes(`\`${name}\``), error.message);
  }
  t.throws(() => pool.stream('echo', [], { retries: 1, idempotent: true } as object), {
    code: 'ERR_PROCGUARD_INVALID_OPTION',
  });
});

test('bytes that are transferred while their call waits reject that call only', async (t) => {
  const { pool, line } = startPool(t);
  const gate = join(temporaryFolder(t), 'gate');
  const held = pool.call('wait_for', [gate]);
  await line(/^waiting$/);
  const bytes = new Uint8Array(1000);
  const waiting = pool.call('echo', [bytes]);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  const behind = pool.call('echo', [1]);
  writeFileSync(gate, '');
  const error = await t.throwsAsync(waiting, { code: 'ERR_PROCGUARD_UNSERIALIZABLE' });
  t.regex(error.message, /transferred or resized/);
  t.is(await behind, 1);
  t.is(await held, pool.stats().workers[0]?.pid);
  t.like(pool.stats(), { inFlight: 0, queued: 0, succeeded: 2, rejected: 1 });
});

test('bytes that are transferred right after the call, and left alone, arrive', async (t) => {
  const { pool } = startPool(t, { concurrency: 5 });
  await pool.ready();
  // More than the kernel takes at once, so that the later ones wait in the stream, and less than keeps calls in the queue.
  const calls = [10, 100_000, 400_000, 400_000, 50_000].map((size) => {
    const bytes = new Uint8Array(size).fill(7);
    const call = pool.call<Buffer>('echo', [bytes]);
    // Who has them now must keep them: the kernel may not have taken all of them yet.
    const moved = structuredClone(bytes, { transfer: [bytes.buffer] });
    return call.then((answer) => answer.equals(moved));
  });
  t.deepEqual(await Promise.all(calls), [true, true, true, true, true]);
  t.is(await pool.call('echo', [1]), 1);
});
