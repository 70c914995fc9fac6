import { getEventListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Pool, ProcguardError, QueueFullError, WorkerDiedError, WorkerError } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { lives, startPool, temporaryFolder } from './pools.js';

test('values make the round trip', async (t) => {
  const { pool } = startPool(t);
  for (const value of [
    null,
    true,
    0,
    -1.5,
    'grüße',
    [],
    {},
    [1, [2, { a: null }]],
    { $bytes: 1, $x: { $$: 2 } },
  ]) {
    t.deepEqual(await pool.call('echo', [value]), value);
  }
  t.deepEqual(await pool.call('echo', [Buffer.from([0, 255, 10])]), Buffer.from([0, 255, 10]));
  t.deepEqual(await pool.call('echo', [{ $key: 1, bytes: Buffer.from('x') }]), {
    $key: 1,
    bytes: Buffer.from('x'),
  });
  t.deepEqual(await pool.call('echo', [[Number.NaN, Number.POSITIVE_INFINITY]]), [
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ]);
});

test('4 MiB of bytes and of text come back unchanged', async (t) => {
  const { pool } = startPool(t);
  const bytes = Buffer.alloc(4 * 1024 * 1024, 'procguard');
  t.true(bytes.equals(await pool.call<Buffer>('echo', [bytes])));
  const text = 'ü'.repeat(2 * 1024 * 1024);
  t.is(await pool.call('echo', [text]), text);
});

test('an exception of the handler becomes a WorkerError', async (t) => {
  const { pool } = startPool(t);
  const error = await t.throwsAsync(pool.call('fail', ['no luck']), { instanceOf: WorkerError });
  t.like(error, {
    code: 'ERR_PROCGUARD_WORKER_ERROR',
    pythonType: 'ValueError',
    message: 'fail: ValueError: no luck',
  });
  t.regex(error.pythonTraceback ?? '', /raise ValueError\(message\)/);
  t.is(await pool.call('echo', [1]), 1);
});

test('a handler that does not exist, and a value that cannot be sent, have codes of their own', async (t) => {
  const { pool } = startPool(t);
  const unknown = await t.throwsAsync(pool.call('ecko'), { code: 'ERR_PROCGUARD_UNKNOWN_METHOD' });
  t.regex(unknown.message, /echo/);
  await t.throwsAsync(pool.call('opaque'), { code: 'ERR_PROCGUARD_UNSERIALIZABLE' });
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const value of [cycle, 1n, () => {}, Symbol('s')]) {
    await t.throwsAsync(pool.call('echo', [value]), { code: 'ERR_PROCGUARD_UNSERIALIZABLE' });
  }
  t.is(pool.stats().inFlight, 0);
});

test('a call that is made before the workers are ready waits for them', async (t) => {
  const { pool } = startPool(t);
  t.is(await pool.call('echo', [1]), 1);
});

test('calls go to the least loaded worker', async (t) => {
  const folder = temporaryFolder(t);
  const { pool } = startPool(t, { size: 2 });
  await pool.ready();
  const pids = [1, 2].map((n) => pool.call<number>('wait_for', [join(folder, `${n}`)]));
  await until(() => (pool.stats().inFlight === 2 ? true : undefined), 'both calls to be in flight');
  for (const n of [1, 2]) writeFileSync(join(folder, `${n}`), '');
  t.is(new Set(await Promise.all(pids)).size, 2);
});

test('a call that times out rejects, is cancelled in the worker, and its worker goes on', async (t) => {
  const { pool } = startPool(t);
  const before = await pool.call('pid');
  const error = await t.throwsAsync(pool.call('wait_for', ['/nonexistent'], { timeoutMs: 100 }), {
    code: 'ERR_PROCGUARD_CALL_TIMEOUT',
  });
  t.regex(error.message, /wait_for got no answer within 100 ms/);
  t.is(await pool.call('pid'), before);
});

test('a worker that ignores a cancellation is replaced', async (t) => {
  const { pool } = startPool(t, { cancelGraceMs: 100 });
  const before = await pool.call<number>('pid');
  await t.throwsAsync(pool.call('ignore_cancel', ['/nonexistent'], { timeoutMs: 50 }));
  const after = await within(pool.call<number>('pid'), 'the next worker');
  t.not(after, before);
  // Its successor does not wait for that.
  await until(() => !lives(before) || undefined, 'the old worker to be gone');
});

test('a cancelled call that waits in its worker ends nobody who was before it', async (t) => {
  const { pool, line } = startPool(t, { concurrency: 2, cancelGraceMs: 100 });
  const gate = join(temporaryFolder(t), 'gate');
  const older = pool.call('wait_for', [gate]);
  await line(/^waiting$/);
  await t.throwsAsync(pool.call('echo', [1], { timeoutMs: 50 }), { code: 'ERR_PROCGUARD_CALL_TIMEOUT' });
  // Nothing to observe: what must not happen has no end.
  await sleep(400);
  writeFileSync(gate, '');
  t.is(await older, pool.stats().workers[0]?.pid);
  t.is(pool.stats().workers[0]?.restarts, 0);
});

test('an aborted call rejects with the reason, whether it waits or runs', async (t) => {
  const { pool, line } = startPool(t);
  const running = new AbortController();
  const waiting = new AbortController();
  const first = pool.call('wait_for', ['/nonexistent'], { signal: running.signal });
  const second = pool.call('echo', [1], { signal: waiting.signal });
  await line(/^waiting$/);
  waiting.abort(new Error('changed my mind'));
  await t.throwsAsync(second, { message: 'changed my mind' });
  t.is(pool.stats().queued, 0);
  running.abort();
  t.like(await t.throwsAsync(first, { any: true }), { name: 'AbortError' });
  t.is(await pool.call('echo', [2]), 2);
  const aborted = pool.call('echo', [1], { signal: AbortSignal.abort() });
  t.like(await t.throwsAsync(aborted, { any: true }), { name: 'AbortError' });
});

test('calls that share a signal are aborted together, and leave no listener', async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  t.teardown(() => process.off('warning', note));
  const { pool } = startPool(t);
  const controller = new AbortController();
  const share = () =>
    Array.from({ length: 20 }, (_, n) => pool.call('echo', [n], { signal: controller.signal }));
  await Promise.all(share());
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
  const aborted = share().map((call) => t.throwsAsync(call, { message: 'all of them' }));
  controller.abort(new Error('all of them'));
  await Promise.all(aborted);
  t.is(getEventListeners(controller.signal, 'abort').length, 0);
  t.like(pool.stats(), { cancelled: 20, succeeded: 20, queued: 0 });
  t.deepEqual(warnings, []);
});

test('a death rejects only what the worker had, with the reason and the last lines of stderr', async (t) => {
  const { pool } = startPool(t, { size: 2 });
  await pool.ready();
  const doomed = pool.call('die', [9, 'out of luck']);
  const others = Promise.all(Array.from({ length: 20 }, (_, n) => pool.call('echo', [n])));
  const error = await t.throwsAsync(doomed, { instanceOf: WorkerDiedError });
  t.like(error, {
    code: 'ERR_PROCGUARD_WORKER_DIED',
    signal: 'SIGKILL',
    exitCode: null,
    stderr: ['out of luck'],
  });
  t.regex(error.message, /out of luck/);
  t.deepEqual(
    await others,
    Array.from({ length: 20 }, (_, n) => n),
  );
  await until(() => (pool.stats().ready === 2 ? true : undefined), 'the replacement');
});

test('only a call that is idempotent is retried', async (t) => {
  const folder = temporaryFolder(t);
  const { pool } = startPool(t);
  t.is(typeof (await pool.call('die_once', [join(folder, 'a')], { idempotent: true, retries: 1 })), 'number');
  await t.throwsAsync(pool.call('die_once', [join(folder, 'b')]), { code: 'ERR_PROCGUARD_WORKER_DIED' });
  await t.throwsAsync(pool.call('echo', [1], { retries: 1 }), { code: 'ERR_PROCGUARD_INVALID_OPTION' });
});

test('the same affinity goes to the same worker while it lives', async (t) => {
  const { pool } = startPool(t, { size: 3 });
  await pool.ready();
  const pids = new Map<string, unknown>();
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    pids.set(key, await pool.call('pid', [], { affinity: key }));
  t.true(new Set(pids.values()).size > 1);
  for (const [key, pid] of pids) t.is(await pool.call('pid', [], { affinity: key }), pid);
});

test('the higher priority goes first', async (t) => {
  const { pool, line } = startPool(t);
  const folder = temporaryFolder(t);
  const first = pool.call('wait_for', [join(folder, 'go')]);
  await line(/^waiting$/);
  const order: string[] = [];
  const low = pool.call('echo', ['low'], { priority: -1 }).then(() => order.push('low'));
  const normal = pool.call('echo', ['normal']).then(() => order.push('normal'));
  const high = pool.call('echo', ['high'], { priority: 5 }).then(() => order.push('high'));
  writeFileSync(join(folder, 'go'), '');
  await Promise.all([first, low, normal, high]);
  t.deepEqual(order, ['high', 'normal', 'low']);
});

test('a full queue refuses, and says how deep it is', async (t) => {
  const { pool, line } = startPool(t, { maxQueue: 2 });
  const folder = temporaryFolder(t);
  const held = pool.call('wait_for', [join(folder, 'go')]);
  await line(/^waiting$/);
  const waiting = [pool.call('echo', [1]), pool.call('echo', [2])];
  const error = await t.throwsAsync(pool.call('echo', [3]), { instanceOf: QueueFullError });
  t.like(error, { code: 'ERR_PROCGUARD_QUEUE_FULL', depth: 2 });
  writeFileSync(join(folder, 'go'), '');
  await held;
  t.deepEqual(await Promise.all(waiting), [1, 2]);
});

test('what a handler prints is tagged, and never disturbs the protocol', async (t) => {
  const { pool, lines, line } = startPool(t);
  t.is(await pool.call('shout', ['{"type":"hello"}']), 16);
  await Promise.all([line(/raw$/), line(/^\{"type":"hello"\}$/)]);
  await pool.close();
  t.deepEqual(lines.map(({ source, line }) => `${source} ${line}`).sort(), [
    'stderr {"type":"hello"}',
    'stdout {"type":"hello"}',
    'stdout {"type":"hello"} raw',
  ]);
});

test('wrong options are refused before anything is started', (t) => {
  const bad: [object, RegExp][] = [
    [{}, /`command`/],
    [{ command: 'x', size: 0 }, /`size`/],
    [{ command: 'x', sise: 1 }, /sise/],
    [{ command: 'x', shutdown: { graceMs: 1 } }, /`shutdown.graceMs`/],
    [{ command: 'x', guard: false }, /`guard`/],
  ];
  for (const [options, message] of bad) {
    const error = t.throws(() => new Pool(options as never), { instanceOf: ProcguardError, message });
    t.is(error.code, 'ERR_PROCGUARD_INVALID_OPTION');
  }
});
