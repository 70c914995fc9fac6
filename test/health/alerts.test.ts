import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import test, { type ExecutionContext } from 'ava';
import { Alerts } from '../../lib/alerts/alerts.js';
import type { Alert, AlertCode, Pool } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { startPool } from '../pool/pools.js';
import { hang, rejection, startHangingPool } from './hangs.js';

/** What is published, of the pools with this name. */
function listen(t: ExecutionContext, name: string): Alert[] {
  const heard: Alert[] = [];
  const take = (message: unknown) => {
    if ((message as Alert).pool === name) heard.push(message as Alert);
  };
  subscribe('procguard:alert', take);
  t.teardown(() => unsubscribe('procguard:alert', take));
  return heard;
}

/** Resolves to the first alert with this code. */
const raised = (pool: Pool, code: AlertCode): Promise<Alert> =>
  until(() => pool.alerts().find((alert) => alert.code === code), `the alert ${code}`);

function isActionable(t: ExecutionContext, { advice, at, message }: Alert): void {
  t.regex(advice, /^[A-Z].{20,}\.$/);
  t.regex(message, /^[A-Z]/);
  t.true(at instanceof Date);
}

test('R10.5 the same alert of the same slot is not repeated within a minute, and the next says how many there were', (t) => {
  let nowMs = 0;
  const alerts = new Alerts(
    'p',
    () => {},
    () => nowMs,
  );
  const raise = (slot: number) => alerts.raise('worker_stalled', slot, 'It computes.', { n: nowMs });
  for (; nowMs < 60_000; nowMs += 1000) raise(0);
  t.is(alerts.recent.length, 1);
  raise(0);
  raise(1);
  alerts.raise('worker_unresponsive', 1, 'It sleeps.', {});
  t.deepEqual(
    alerts.recent.map(({ code, slot, suppressed }) => [code, slot, suppressed]),
    [
      ['worker_stalled', 0, 0],
      ['worker_stalled', 0, 59],
      ['worker_stalled', 1, 0],
      ['worker_unresponsive', 1, 0],
    ],
  );
});

test('the latest 100 alerts are kept', (t) => {
  const alerts = new Alerts(
    'p',
    () => {},
    () => 0,
  );
  for (let slot = 0; slot < 150; slot++) alerts.raise('slot_failed', slot, 'It failed.', {});
  t.is(alerts.recent.length, 100);
  t.is(alerts.recent[0]!.slot, 50);
});

test('R10.5 a worker that does not answer is an alert with its stacks', async (t) => {
  const heard = listen(t, 'unresponsive');
  const hanging = startHangingPool(t, { name: 'unresponsive' });
  const hung = await hang(hanging, 'sleep_with_gil');
  await rejection(hung);
  const alert = await raised(hanging.pool, 'worker_unresponsive');
  isActionable(t, alert);
  t.like(alert, { severity: 'warning', pool: 'unresponsive', slot: 0 });
  t.like(alert.evidence, { pid: hung.pid, reason: 'no_answer', replaced: true, misses: 3 });
  t.regex(String(alert.evidence.stacks), /in sleep_with_gil/);
  t.is((alert.evidence.requests as { method: string }[])[0]!.method, 'sleep_with_gil');
  t.deepEqual(heard, [alert]);
});

test('R10.5 a worker that computes is an alert once, though it is left alone', async (t) => {
  const { pool, line } = startHangingPool(t, { name: 'stalled' });
  const called = pool.call('compute_with_gil', [5.5], { timeoutMs: 60_000 });
  await line(/^started$/);
  const alert = await raised(pool, 'worker_stalled');
  await called;
  isActionable(t, alert);
  t.like(alert.evidence, { reason: 'busy_processor', replaced: false });
  t.true((alert.evidence.cpuShare as number) > 0.02);
  t.is(pool.alerts().filter(({ code }) => code === 'worker_stalled').length, 1);
});

test('R10.5 a worker that computed for too long is an alert with its stacks, a moment after the one that left it alone', async (t) => {
  const hanging = startHangingPool(t, { heartbeat: { intervalMs: 1000, stalledMs: 4000 } });
  const hung = await hang(hanging, 'hold_gil');
  await rejection(hung);
  const alerts = hanging.pool.alerts().filter(({ code }) => code === 'worker_stalled');
  t.deepEqual(
    alerts.map(({ evidence }) => evidence.replaced),
    [false, true],
  );
  t.regex(String(alerts[1]!.evidence.stacks), /in hold_gil/);
});

test('R10.5 a full queue is an alert', async (t) => {
  const { pool } = startPool(t, { name: 'full', maxQueue: 1 });
  const first = pool.call('pid');
  const second = pool.call('pid');
  await t.throwsAsync(pool.call('pid'), { code: 'ERR_PROCGUARD_QUEUE_FULL' });
  await Promise.all([first, second].map((call) => call.catch(() => {})));
  const alert = await raised(pool, 'queue_full');
  isActionable(t, alert);
  t.like(alert, { severity: 'critical', slot: undefined });
  t.like(alert.evidence, { queued: 1 });
});

for (const enabled of [true, false]) {
  test.serial(`R10.5 an event loop that stands still is an alert (heartbeats: ${enabled})`, async (t) => {
    const { pool } = startHangingPool(t, { name: 'lag', heartbeat: { enabled } });
    await pool.ready();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1600);
    const alert = await raised(pool, 'loop_lag');
    isActionable(t, alert);
    t.true((alert.evidence.stoodStillMs as number) >= 1000);
  });
}

test.serial('R10.5 a worker whose memory grows without end is an alert', async (t) => {
  const { setInterval: real } = globalThis;
  // A minute between two looks, in a test, is less.
  globalThis.setInterval = ((run: () => void, ms: number) =>
    real(run, ms === 60_000 ? 25 : ms)) as typeof real;
  const { pool } = startPool(t, { name: 'growing', size: 2 });
  globalThis.setInterval = real;
  await pool.ready();
  const affinity = 'one of both';
  const pid = await pool.call('pid', [], { affinity });
  const raisedYet = () => pool.alerts().find(({ code }) => code === 'memory_growth');
  const stepBytes = 4 * 1024 * 1024;
  // A gigabyte and a half at most.
  for (let step = 0; step < 384 && raisedYet() === undefined; step++) {
    await pool.call('leak', [stepBytes], { affinity });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const alert = raisedYet()!;
  isActionable(t, alert);
  t.is(alert.slot, pool.stats().workers.find((worker) => worker.pid === pid)!.slot);
  const { baselineBytes, nowBytes, ageMs, requests } = alert.evidence as Record<string, number>;
  t.is(alert.evidence.pid, pid);
  t.true(nowBytes! >= 2 * baselineBytes! && nowBytes! - baselineBytes! >= 256 * 1024 * 1024);
  t.true(ageMs! > 0);
  t.true(requests! > 50);
});

test('telemetry.alert: false publishes nothing, and the pool still lists them', async (t) => {
  const heard = listen(t, 'silent');
  const { pool } = startPool(t, {
    name: 'silent',
    args: ['-c', 'raise SystemExit("no model file")'],
    telemetry: { alert: false },
  });
  await t.throwsAsync(pool.ready(), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  t.is((await raised(pool, 'slot_failed')).pool, 'silent');
  t.deepEqual(heard, []);
});
