import test from 'ava';
import { nowMs } from '../../lib/clock.js';
import type { WorkerDiedError } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { lives } from '../pool/pools.js';
import { hang, limitMs, replaced, startHangingPool } from './hangs.js';

test.serial(
  'workers of a slot that hang again and again are started with pauses that double, from the third on',
  async (t) => {
    const { random } = Math;
    // The least of the jitter, so that the pauses are known.
    Math.random = () => 0.999;
    t.teardown(() => {
      Math.random = random;
    });
    const hanging = startHangingPool(t, {
      cancelGraceMs: 100,
      restart: { backoffMs: 200, maxBackoffMs: 800 },
    });
    const { pool } = hanging;
    const pauses: number[] = [];
    for (let round = 0; round < 5; round++) {
      await pool.ready();
      const controller = new AbortController();
      const { pid, rejected } = await hang(hanging, 'sleep_long', [], { signal: controller.signal });
      controller.abort(new Error('enough'));
      await t.throwsAsync(rejected, { message: 'enough' });
      await until(() => pool.stats().workers[0]!.pid !== pid || undefined, 'the worker to be given up');
      const sinceMs = nowMs();
      await until(() => pool.stats().workers[0]!.pid, 'its successor');
      pauses.push(nowMs() - sinceMs);
    }
    t.log(pauses.map(Math.round).join(', '));
    for (const [index, leastMs] of [0, 0, 200, 400, 800].entries())
      t.true(pauses[index]! >= 0.9 * leastMs, `pause ${index}: ${pauses[index]} ms`);
    const alert = await until(() => pool.alerts().find(({ code }) => code === 'crash_loop'), 'the alert');
    t.like(alert, { severity: 'critical', slot: 0 });
    t.regex(alert.message, /^3 workers of slot 0 in a row hung/);
    t.like(alert.evidence, { crashes: 0, hangs: 3 });
    t.regex(String(alert.evidence.stacks), /in sleep_long/);
  },
);

test.serial(
  'R2.5 the first two workers that stop answering are replaced at once, the third makes a loop',
  async (t) => {
    const { pool } = startHangingPool(t);
    for (let round = 0; round < 3; round++) {
      await pool.ready();
      const pid = pool.stats().workers[0]!.pid!;
      const sinceMs = nowMs();
      process.kill(pid, 'SIGSTOP');
      await replaced(pool, { slot: 0, pid });
      const afterMs = nowMs() - sinceMs;
      if (round < 2) t.true(afterMs <= limitMs, `${afterMs} ms`);
    }
    const alert = await until(() => pool.alerts().find(({ code }) => code === 'crash_loop'), 'the alert');
    t.like(alert.evidence, { crashes: 0, hangs: 3 });
    await pool.ready();
    t.is(pool.stats().workers[0]!.restarts, 3);
  },
);

test('R10.5 a worker that ignores a cancelled request says its stacks before it is killed', async (t) => {
  const hanging = startHangingPool(t, { concurrency: 2, cancelGraceMs: 300 });
  const { pool } = hanging;
  await pool.ready();
  const controller = new AbortController();
  // A call in C that never lets go of the GIL: its cancellation is not even read.
  const other = await hang(hanging, 'hold_gil', [], { signal: controller.signal });
  const waiting = pool.call('echo', [1]).catch((error) => error);
  controller.abort(new Error('enough'));
  await t.throwsAsync(other.rejected, { message: 'enough' });
  // It had no turn, and is lost with the worker.
  const error = (await within(waiting, 'the other request to be rejected')) as WorkerDiedError;
  t.is(error.code, 'ERR_PROCGUARD_WORKER_DIED');
  t.regex(error.message, /did not answer a cancelled request/);
  t.regex(error.stacks ?? '', /hanging_worker.py", line \d+ in hold_gil/);
  const alert = pool.alerts().find(({ code }) => code === 'worker_unresponsive')!;
  t.like(alert, { severity: 'warning', slot: 0 });
  t.like(alert.evidence, { pid: other.pid, reason: 'ignored_cancel', replaced: true, method: 'hold_gil' });
  t.true((alert.evidence.ageMs as number) >= 300);
  t.regex(String(alert.evidence.stacks), /in hold_gil/);
  t.deepEqual(
    (alert.evidence.requests as { method: string }[]).map(({ method }) => method),
    ['echo'],
  );
  t.is(await pool.call('echo', [2]), 2);
  t.false(lives(other.pid));
});

test('a call that is over its time has its stacks in the alert, though nobody else had a request', async (t) => {
  const { pool } = startHangingPool(t, { cancelGraceMs: 100 });
  await pool.ready();
  const { pid } = pool.stats().workers[0]!;
  await t.throwsAsync(pool.call('sleep_with_gil', [], { timeoutMs: 500 }), {
    code: 'ERR_PROCGUARD_CALL_TIMEOUT',
  });
  const alert = await until(
    () => pool.alerts().find(({ code }) => code === 'worker_unresponsive'),
    'the alert',
  );
  t.like(alert.evidence, { pid, reason: 'ignored_cancel', method: 'sleep_with_gil' });
  t.regex(String(alert.evidence.stacks), /in sleep_with_gil/);
});
