import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { nowMs } from '../../lib/clock.js';
import { until, within } from '../helpers/deadline.js';
import { fixture as anyFixture } from '../helpers/fixtures.js';
import { fixture, lives, startPool } from '../pool/pools.js';
import { hang, intervalMs, limitMs, rejection, replaced, said, startHangingPool } from './hangs.js';

// Serial ones come first, and one after the other: they have a processor to themselves.

test.serial('R2.1 a healthy worker answers pings within a second', async (t) => {
  const { pool } = startHangingPool(t, { size: 2 });
  await pool.ready();
  t.is(pool.stats().workers[0]!.pingMs, undefined);
  for (const slot of [0, 1]) {
    const { pid } = pool.stats().workers[slot]!;
    const seen = new Set<number>();
    await until(() => {
      const { pingMs } = pool.stats().workers[slot]!;
      return pingMs !== undefined && seen.add(pingMs).size === 3 ? true : undefined;
    }, 'three answers');
    t.true(
      [...seen].every((ms) => ms >= 0 && ms < 1000),
      [...seen].join(),
    );
    t.like(pool.stats().workers[slot], { pid, verdict: 'idle', reason: undefined, restarts: 0 });
  }
});

test.serial(
  'R2.2 a worker that leaves three pings unanswered is replaced within three intervals and a second',
  async (t) => {
    const hanging = startHangingPool(t);
    const hung = await hang(hanging, 'sleep_with_gil');
    await replaced(hanging.pool, hung);
    const afterMs = nowMs() - hung.sinceMs;
    t.true(afterMs > 2 * intervalMs && afterMs <= limitMs, `${afterMs} ms`);

    const error = await rejection(hung);
    t.log(
      `replaced after ${Math.round(afterMs)} ms, rejected after ${Math.round(nowMs() - hung.sinceMs)} ms`,
    );
    t.like(error, { code: 'ERR_PROCGUARD_WORKER_DIED', pid: hung.pid, signal: 'SIGKILL' });
    t.regex(error.message, /left 3 pings in a row unanswered .* neither answers nor computes/);
    t.regex(error.stacks ?? '', /hanging_worker.py", line \d+ in sleep_with_gil/);
    t.is(await hanging.pool.call('echo', [1]), 1);
    t.is(hanging.pool.stats().workers[0]!.restarts, 1);
    t.false(lives(hung.pid));
  },
);

test('a stopped worker is replaced, and nobody waits for its stacks', async (t) => {
  const hanging = startHangingPool(t);
  const hung = await hang(hanging, 'sleep_long');
  process.kill(hung.pid, 'SIGSTOP');
  const error = await rejection(hung);
  t.regex(error.message, /it is stopped \(SIGSTOP\)/);
  t.is(error.stacks, undefined);
  t.is(await hanging.pool.call('echo', [1]), 1);
});

test('what a worker answers because it was asked for its stacks is no answer', async (t) => {
  const hanging = startHangingPool(t);
  const hung = await hang(hanging, 'sleep_once_with_gil');
  const error = await rejection(hung);
  t.is(error.code, 'ERR_PROCGUARD_WORKER_DIED');
  t.regex(error.stacks ?? '', /in sleep_once_with_gil/);
});

test('an idle worker that is stopped is replaced before anybody calls it', async (t) => {
  const { pool } = startHangingPool(t);
  const pid = (await pool.call('pid')) as number;
  process.kill(pid, 'SIGSTOP');
  const successor = await replaced(pool, { slot: 0, pid });
  t.is(await pool.call('pid'), successor);
  t.like(pool.stats(), { rejected: 0, succeeded: 2 });
});

test('R10.1 a worker that goes on after a stop that was no longer than two pings is left alone', async (t) => {
  const hanging = startHangingPool(t);
  const { pool } = hanging;
  const other = startHangingPool(t);
  const pid = (await pool.call('pid')) as number;
  await other.pool.ready();
  process.kill(pid, 'SIGSTOP');
  const { pingMs } = pool.stats().workers[0]!;
  await new Promise((resolve) => setTimeout(resolve, 1.5 * intervalMs));
  process.kill(pid, 'SIGCONT');
  const hung = await hang(other, 'sleep_with_gil');
  await rejection(hung);
  t.not(pool.stats().workers[0]!.pingMs, pingMs);
  t.like(pool.stats().workers[0], { pid, verdict: 'idle', reason: undefined });
});

test('a worker that waits in the kernel is replaced', async (t) => {
  const hanging = startHangingPool(t);
  const hung = await hang(hanging, 'wait_for_fork');
  t.regex((await rejection(hung)).message, /waits in the kernel and cannot be interrupted/);
  t.is(await hanging.pool.call('echo', [1]), 1);
});

test('a worker whose first thread has ended is replaced, though /proc shows a zombie', async (t) => {
  const hanging = startHangingPool(t);
  const hung = await hang(hanging, 'end_first_thread');
  t.regex((await rejection(hung)).message, /it neither answers nor computes/);
  t.is(await hanging.pool.call('echo', [1]), 1);
});

test('a worker that computes with the GIL held is replaced after stalledMs, unless its call has time left', async (t) => {
  const heartbeat = { intervalMs, stalledMs: 3000 };
  const patient = startHangingPool(t, { heartbeat, cancelGraceMs: 100 });
  const strict = startHangingPool(t, { heartbeat });
  const controller = new AbortController();
  const options = { timeoutMs: 300_000, signal: controller.signal };
  const spared = await hang(patient, 'hold_gil', [], options);
  const hung = await hang(strict, 'hold_gil');
  const error = await rejection(hung);
  t.true(nowMs() - hung.sinceMs >= 3000);
  t.regex(error.message, /it computes, and lets nothing else run/);
  await said(patient.pool, { verdict: 'stalled', reason: 'busy_processor', pid: spared.pid, restarts: 0 });
  controller.abort(new Error('enough'));
  await t.throwsAsync(spared.rejected, { message: 'enough' });
});

test('a worker that computes with the GIL held for six intervals, and then answers, is left alone', async (t) => {
  const { pool, line } = startHangingPool(t);
  const pid = await pool.call('pid');
  const called = pool.call('compute_with_gil', [6]);
  await line(/^started$/);
  t.is(await called, pid);
  await said(pool, { verdict: 'idle', reason: undefined, restarts: 0 });
});

test('a worker that mostly waits in the kernel, gets on, and then answers, is left alone', async (t) => {
  const { pool, line } = startHangingPool(t);
  const pid = await pool.call('pid');
  const called = pool.call('read_with_gil', [8], { timeoutMs: 60_000 });
  await line(/^started$/);
  await said(pool, { verdict: 'stalled', reason: 'busy_processor', restarts: 0 });
  t.is(await called, pid);
});

test('a worker that computes and answers pings is left alone', async (t) => {
  const hanging = startHangingPool(t, { size: 2, heartbeat: { intervalMs, stalledMs: 3000 } });
  const { pool } = hanging;
  await pool.ready();
  const controller = new AbortController();
  const spinning = await hang(hanging, 'spin', [], { signal: controller.signal });
  const hung = await hang(hanging, 'sleep_with_gil');
  await rejection(hung);
  t.like(pool.stats().workers[spinning.slot], { pid: spinning.pid, verdict: 'busy', reason: undefined });
  controller.abort(new Error('enough'));
  await t.throwsAsync(spinning.rejected, { message: 'enough' });
});

test('a worker that a debugger has stopped is left alone, and answers when it is let go', async (t) => {
  const { pool } = startHangingPool(t);
  const pid = (await pool.call('pid')) as number;
  const debug = spawn('python3', [anyFixture('trace.py'), String(pid)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(debug, 'exit');
  await within(once(debug.stdout, 'data'), 'the worker to be traced');
  const { pid: traced } = await said(pool, { verdict: 'unresponsive', reason: 'traced' });
  debug.stdin.end();
  t.deepEqual(await within(ended, 'the end of the debugger'), [0, null]);
  t.is(traced, pid);
  t.is(await pool.call('pid'), pid);
  await said(pool, { verdict: 'idle', reason: undefined, restarts: 0 });
});

test('a Node worker in an endless loop is replaced after stalledMs', async (t) => {
  const hanging = startPool(t, {
    command: process.execPath,
    args: [fixture('node-worker.mjs')],
    heartbeat: { intervalMs, stalledMs: 3000 },
  });
  const hung = await hang(hanging, 'spin');
  const error = await rejection(hung);
  t.regex(error.message, /it computes, and lets nothing else run/);
  t.is(error.stacks, undefined);
  t.is(await hanging.pool.call('echo', [1]), 1);
});

test('without heartbeats nobody is replaced', async (t) => {
  const unwatched = startHangingPool(t, { heartbeat: { enabled: false, intervalMs } });
  const watched = startHangingPool(t);
  const left = await hang(unwatched, 'sleep_with_gil');
  const hung = await hang(watched, 'sleep_with_gil');
  await rejection(hung);
  t.like(unwatched.pool.stats().workers[0], {
    pid: left.pid,
    verdict: 'busy',
    pingMs: undefined,
    restarts: 0,
  });
});

test("after its worker hung, a key's next call goes to the new worker of the same slot", async (t) => {
  const hanging = startHangingPool(t, { size: 2 });
  const { pool } = hanging;
  await pool.ready();
  const affinity = 'a key';
  const pid = await pool.call('pid', [], { affinity });
  const hung = await hang(hanging, 'sleep_with_gil', [], { affinity });
  t.is(hung.pid, pid as number);
  const next = pool.call('pid', [], { affinity });
  t.is(await within(next, 'the next call of the key'), await replaced(pool, hung));
  t.is(pool.stats().workers[1 - hung.slot]!.restarts, 0);
  await rejection(hung);
});

test('a call that is idempotent runs again on another worker', async (t) => {
  const hanging = startHangingPool(t);
  const { pool } = hanging;
  const again = pool.call('pid', [], { idempotent: true, retries: 1 });
  const pid = (await again) as number;
  process.kill(pid, 'SIGSTOP');
  const retried = pool.call('pid', [], { idempotent: true, retries: 1 });
  t.is(await within(retried, 'the second try'), await replaced(pool, { slot: 0, pid }));
});

test('a close of a pool whose worker hangs leaves nothing', async (t) => {
  const hanging = startHangingPool(t);
  const hung = await hang(hanging, 'sleep_with_gil');
  const report = await within(hanging.pool.close({ graceMs: 0 }), 'the close');
  t.like(report, { survivors: 0, abandoned: 1 });
  await rejection(hung);
  t.false(lives(hung.pid));
});

test('a worker that hangs holds no close up', async (t) => {
  const hanging = startHangingPool(t, { maxQueue: 10 });
  const { pool } = hanging;
  const hung = await hang(hanging, 'sleep_with_gil');
  const waiting = pool.call('pid');
  const closed = pool.close({ graceMs: 300_000 });
  t.not(await within(waiting, 'the call that waited'), hung.pid);
  t.like(await within(closed, 'the close'), { drained: 1, survivors: 0, abandoned: 0, killed: 1 });
  t.regex((await rejection(hung)).message, /left \d+ pings in a row unanswered/);
});

test('a close while a worker that hung is being replaced leaves nothing', async (t) => {
  const hanging = startHangingPool(t, { size: 3 });
  const { pool } = hanging;
  await pool.ready();
  const hung = await hang(hanging, 'sleep_with_gil');
  const successor = await replaced(pool, hung);
  t.like(await within(pool.close({ graceMs: 0 }), 'the close'), { survivors: 0 });
  await rejection(hung);
  t.deepEqual([hung.pid, successor].filter(lives), []);
});

test('a worker that hangs while it leaves for a restart holds the restart up no longer than another', async (t) => {
  const hanging = startHangingPool(t, { shutdown: { graceMs: 300_000 } });
  const { pool } = hanging;
  const hung = await hang(hanging, 'sleep_with_gil');
  await within(pool.restart(), 'the restart');
  t.regex((await rejection(hung)).message, /left \d+ pings in a row unanswered/);
  t.like(pool.stats().workers[0], { restarts: 1, state: 'ready' });
});
