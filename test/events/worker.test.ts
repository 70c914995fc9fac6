import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { binding } from '../../lib/guard/binding.js';
import { Pool } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { LINK } from '../helpers/host.js';
import { lives, plainWorker, startPool, temporaryFolder } from '../pool/pools.js';
import { Heard } from './listen.js';

test("R5.1 a worker's start is told with its pid, start time and configuration, and then that it is ready", async (t) => {
  const heard = new Heard(t, 'starting');
  const beforeMs = Date.now();
  const { pool } = startPool(t, { name: 'starting', maxQueue: 7 });
  await pool.ready();
  const [start] = heard.of('procguard:worker:start');
  t.like(start, { pool: 'starting', worker: 1, slot: 0, reason: 'new', pid: pool.stats().workers[0]!.pid });
  t.true(Math.abs(start!.startedAt.getTime() - beforeMs) < 20_000);
  t.true(start!.startedAt <= start!.at);
  t.is(start!.configuration, pool.config());
  t.deepEqual(start!.configuration.maxQueue, { value: 7, source: 'option' });
  t.is(start!.guard?.link, LINK);
  const [ready] = heard.of('procguard:worker:ready');
  t.like(ready, { worker: 1, pid: start!.pid, reason: 'new' });
  t.true(ready!.startMs > 0 && ready!.startMs < 20_000);
});

test('R5.3 a crash is told with exit code, signal, reason, uptime and cleanup, once, and the replacement that follows', async (t) => {
  const heard = new Heard(t, 'crashing');
  const { pool } = startPool(t, { name: 'crashing' });
  const pid = (await pool.call('pid')) as number;
  process.kill(pid, 'SIGKILL');
  const exit = await heard.first('procguard:worker:exit');
  t.like(exit, {
    pid,
    worker: 1,
    slot: 0,
    exitCode: null,
    signal: 'SIGKILL',
    reason: 'crashed',
    message: `Worker ${pid} died: ended by SIGKILL.`,
    requests: 1,
    unanswered: 0,
    survivors: [],
  });
  t.true(exit.uptimeMs > 0 && exit.cleanupMs > 0);
  t.like(heard.of('procguard:worker:replace')[0], { pid, worker: 1, reason: 'crashed', backoffMs: 0 });
  t.like(await heard.first('procguard:worker:start', ({ worker }) => worker === 2), {
    slot: 0,
    reason: 'crashed',
  });
});

test('R5.3 a worker that leaves when the pool closes is told before close() resolves, in its own words', async (t) => {
  const heard = new Heard(t, 'closing');
  const { pool } = startPool(t, { name: 'closing', size: 2 });
  await pool.ready();
  await pool.close();
  const exits = heard.of('procguard:worker:exit');
  t.deepEqual(exits.map(({ worker }) => worker).sort(), [1, 2]);
  for (const { reason, exitCode, message, pid } of exits) {
    t.is(reason, 'left');
    t.is(exitCode, 0);
    t.is(message, `Worker ${pid} left when it was asked to: exited with code 0.`);
  }
  t.is(heard.of('procguard:cleanup:done').length, 2);
  t.is(heard.of('procguard:worker:replace').length, 0);
});

test('R5.3 a worker that does not leave in time is told as killed, with what it did not answer', async (t) => {
  const heard = new Heard(t, 'killed');
  const { pool, line } = startPool(t, { name: 'killed' });
  const rejected = t.throwsAsync(pool.call('ignore_cancel', ['/nonexistent']));
  await line(/waiting/);
  await pool.close({ graceMs: 0 });
  await rejected;
  t.like(heard.of('procguard:worker:exit')[0], { reason: 'killed', requests: 1, unanswered: 1 });
});

test('R5.3 a worker that never is ready is told, each start and each exit once', async (t) => {
  const heard = new Heard(t, 'failing');
  const { pool } = startPool(t, {
    name: 'failing',
    args: ['-c', 'raise SystemExit(3)'],
    restart: { maxFailedStarts: 2, backoffMs: 10 },
  });
  await t.throwsAsync(pool.ready());
  await pool.close();
  t.deepEqual(
    heard.of('procguard:worker:exit').map(({ worker, reason, exitCode }) => [worker, reason, exitCode]),
    [
      [1, 'start_failed', 3],
      [2, 'start_failed', 3],
    ],
  );
  t.deepEqual(
    heard.of('procguard:worker:start').map(({ worker, reason }) => [worker, reason]),
    [
      [1, 'new'],
      [2, 'start_failed'],
    ],
  );
  const [replace, ...more] = heard.of('procguard:worker:replace');
  t.is(more.length, 0);
  t.is(replace!.reason, 'start_failed');
  t.true(replace!.backoffMs >= 5 && replace!.backoffMs <= 10);
  t.is(heard.of('procguard:worker:ready').length, 0);
});

test('R5.3 a program that does not exist is told with no pid, and no cleanup', async (t) => {
  const heard = new Heard(t, 'missing');
  const { pool } = startPool(t, {
    name: 'missing',
    command: '/nonexistent/python',
    restart: { maxFailedStarts: 1 },
  });
  await t.throwsAsync(pool.ready());
  t.like(heard.of('procguard:worker:start')[0], { pid: undefined, guard: undefined });
  const exit = await heard.first('procguard:worker:exit');
  t.like(exit, { pid: undefined, reason: 'start_failed', exitCode: null, signal: null, cleanupMs: 0 });
  t.regex(exit.message, /There is no command/);
  t.is(heard.all.filter(({ name }) => name.startsWith('procguard:cleanup')).length, 0);
});

test('R5.3 a worker that does not answer a cancelled request is told as stuck', async (t) => {
  const heard = new Heard(t, 'stuck');
  const { pool, line } = startPool(t, { name: 'stuck', cancelGraceMs: 100 });
  const folder = temporaryFolder(t);
  const abort = new AbortController();
  const rejected = t.throwsAsync(pool.call('ignore_cancel', [`${folder}/go`], { signal: abort.signal }));
  await line(/waiting/);
  abort.abort(new Error('enough'));
  await rejected;
  const exit = await heard.first('procguard:worker:exit');
  t.like(exit, { reason: 'stuck', signal: 'SIGKILL', unanswered: 1 });
  t.regex(exit.message, /did not answer a cancelled request/);
  t.is((await heard.first('procguard:worker:replace')).reason, 'stuck');
});

test('R5.3 recycled, restarted and leaving workers are told as left, and why their slots get others', async (t) => {
  const heard = new Heard(t, 'replaced');
  const { pool } = startPool(t, { name: 'replaced', maxRequests: 2 });
  await pool.call('pid');
  await pool.call('pid');
  await heard.first('procguard:worker:replace', ({ worker }) => worker === 1);
  await pool.ready();
  await pool.restart();
  await pool.ready();
  process.kill(pool.stats().workers[0]!.pid!, 'SIGTERM');
  await heard.first('procguard:worker:ready', ({ worker }) => worker === 4);
  t.deepEqual(
    heard.of('procguard:worker:replace').map(({ worker, reason }) => [worker, reason]),
    [
      [1, 'recycled'],
      [2, 'restart'],
      [3, 'left'],
    ],
  );
  await pool.close();
  const exits = heard.of('procguard:worker:exit').map(({ worker, reason }) => [worker, reason]);
  t.deepEqual(exits.sort(), [
    [1, 'left'],
    [2, 'left'],
    [3, 'left'],
    [4, 'left'],
  ]);
});

test('a failed slot that is revived says so', async (t) => {
  const heard = new Heard(t, 'revived');
  const { pool } = startPool(t, {
    name: 'revived',
    args: ['-c', 'raise SystemExit(3)'],
    restart: { maxFailedStarts: 1 },
  });
  await t.throwsAsync(pool.ready());
  pool.revive();
  t.like(await heard.first('procguard:worker:replace'), { worker: 1, reason: 'revived', backoffMs: 0 });
  t.like(await heard.first('procguard:worker:start', ({ worker }) => worker === 2), { reason: 'revived' });
});

test('R5.4 the cleanup of what a worker left behind is told with how long it took, before its exit', async (t) => {
  const heard = new Heard(t, 'leaving');
  const { pool } = startPool(t, { name: 'leaving' });
  const pid = (await pool.call('pid')) as number;
  const left = (await pool.call('leave_child')) as number;
  process.kill(pid, 'SIGKILL');
  const exit = await heard.first('procguard:worker:exit');
  t.false(lives(left));
  const [cleanup, ...more] = heard.of('procguard:cleanup:done');
  t.is(more.length, 0);
  t.like(cleanup, { pid, worker: 1, success: true, killed: [left], survivors: [], attempts: [] });
  t.true(cleanup!.durationMs > 0);
  t.is(exit.cleanupMs, cleanup!.durationMs);
  const order = heard.all.map(({ name }) => name);
  t.true(order.indexOf('procguard:cleanup:done') < order.indexOf('procguard:worker:exit'));
});

test('a subscriber that throws does not break the pool', async (t) => {
  const library = new URL('../../lib/index.js', import.meta.url).href;
  const code = `
    import { onEvent, Pool } from '${library}';
    let uncaught = 0;
    process.on('uncaughtException', (error) => { if (error.message === 'mine') uncaught++; });
    let ends = 0;
    onEvent('procguard:request:end', () => { ends++; throw new Error('mine'); });
    onEvent('procguard:worker:exit', () => { ends++; throw new Error('mine'); });
    const pool = new Pool({ ...${JSON.stringify(plainWorker)}, size: 1 });
    const answer = await pool.call('echo', ['hello']);
    const { survivors } = await pool.close();
    await new Promise(setImmediate);
    console.log(JSON.stringify({ answer, survivors, ends, uncaught }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code]);
  t.deepEqual(JSON.parse(stdout), { answer: 'hello', survivors: 0, ends: 2, uncaught: 2 });
});

test.serial('R5.4 a cleanup that cannot be made sure of is told as failed', async (t) => {
  const addon = binding() as { snapshot: ReturnType<typeof binding>['snapshot'] };
  const heard = new Heard(t, 'unsure');
  const pool = new Pool({
    name: 'unsure',
    ...plainWorker,
    size: 1,
    onOutput: () => {},
  });
  const pid = (await pool.call('pid')) as number;
  const { snapshot } = addon;
  t.teardown(() => {
    addon.snapshot = snapshot;
  });
  addon.snapshot = async () => -24;
  process.kill(pid, 'SIGKILL');
  const exit = await heard.first('procguard:worker:exit');
  addon.snapshot = snapshot;
  t.is(exit.reason, 'crashed');
  const [failed] = heard.of('procguard:cleanup:failed');
  t.like(failed, { pid, success: false, survivors: [] });
  t.is(failed!.attempts[0]!.code, 'ERR_PROCGUARD_SYSTEM');
  t.is(heard.of('procguard:cleanup:done').length, 0);
  t.like(await pool.close({ graceMs: 0 }), { survivors: 0 });
  await until(() => (lives(pid) ? undefined : true), 'the worker to be gone');
});
