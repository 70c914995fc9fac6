import os from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { nowMs } from '../../lib/clock.js';
import { binding } from '../../lib/guard/binding.js';
import type { KillNote } from '../../lib/guard/kill-tree.js';
import { Pool } from '../../lib/index.js';
import { Heard } from '../events/listen.js';
import { until, within } from '../helpers/deadline.js';
import { fixture, lives, startPool } from '../pool/pools.js';
import { hang, intervalMs, rejection, replaced, startHangingPool } from './hangs.js';

type Addon = ReturnType<typeof binding>;
type Mutable = { -readonly [Key in keyof Addon]: Addon[Key] };

const { EPERM, EMFILE } = os.constants.errno;

/** What is sent to this process by its pid fails, as for one of another user. Returns what takes this back. */
function refuseSignals(t: ExecutionContext, pid: number): () => void {
  const addon = binding() as Mutable;
  const { signal } = addon;
  addon.signal = (to, startTicks, number) => (to === pid ? -EPERM : signal(to, startTicks, number));
  const takeBack = () => {
    addon.signal = signal;
  };
  t.teardown(takeBack);
  return takeBack;
}

/** The same for signals to its process group. */
function refuseGroupSignals(t: ExecutionContext, pid: number): () => void {
  const { kill } = process;
  process.kill = (to, signal) => {
    if (to === -pid) throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    return kill.call(process, to, signal);
  };
  const takeBack = () => {
    process.kill = kill;
  };
  t.teardown(takeBack);
  return takeBack;
}

/** A cgroup would end it. */
function refuseCgroups(t: ExecutionContext): () => void {
  const { PROCGUARD_DISABLE: before = '' } = process.env;
  process.env.PROCGUARD_DISABLE = 'cgroup';
  const takeBack = () => {
    process.env.PROCGUARD_DISABLE = before;
  };
  t.teardown(takeBack);
  return takeBack;
}

test.serial('R10.3 a worker that no signal reaches gets it by way of its group', async (t) => {
  const hanging = startHangingPool(t);
  const hung = await hang(hanging, 'sleep_with_gil');
  refuseSignals(t, hung.pid);
  t.regex((await rejection(hung)).message, /ended by SIGKILL/);
  t.false(lives(hung.pid));
});

test.serial(
  'R2.5 the replacement starts at once, and serves before the worker that hung is gone; its requests are rejected even if nothing ends it',
  async (t) => {
    const heard = new Heard(t, 'unkillable');
    const hanging = startHangingPool(t, { name: 'unkillable' });
    const { pool } = hanging;
    const hung = await hang(hanging, 'sleep_with_gil');
    const allow = [refuseSignals(t, hung.pid), refuseGroupSignals(t, hung.pid), refuseCgroups(t)];
    const successor = await replaced(pool, hung);
    t.true(nowMs() - hung.sinceMs < 4000);
    t.is(await within(pool.call('pid'), 'the replacement to answer'), successor);
    t.true(lives(hung.pid));

    t.regex((await rejection(hung)).message, /neither answers nor computes.*, and survived SIGKILL/);
    t.like(pool.stats().workers[0], { pid: successor, restarts: 1 });
    const alert = pool.alerts().find(({ code }) => code === 'cleanup_failed');
    t.like(alert, { severity: 'critical' });
    t.like(alert?.evidence, { worker: 1, pid: hung.pid, survivors: [hung.pid] });
    const attempts = alert?.evidence.attempts as KillNote[];
    t.deepEqual(
      attempts.map(({ code }) => code),
      ['signal_failed', 'group_failed', 'cgroup_failed', 'survived'],
    );
    for (const { pids } of attempts) t.deepEqual(pids, [hung.pid]);
    t.true(attempts[1]!.message.includes(`process group ${hung.pid}`));
    // R5.3, R5.4: what nothing can end holds the events back for some seconds only.
    const exit = await heard.first('procguard:worker:exit');
    t.like(exit, { pid: hung.pid, reason: 'unhealthy', exitCode: null, signal: null, survivors: [hung.pid] });
    t.like(heard.of('procguard:cleanup:failed')[0], { success: false, survivors: [hung.pid] });
    const alerts = pool.alerts().filter(({ code }) => code === 'cleanup_failed');
    t.deepEqual(
      alerts.map(({ slot }) => slot),
      [0],
    );
    for (const take of allow) take();
    // What lives on is ended by the close, if that can be done by then.
    t.like(await pool.close(), { survivors: 0 });
    t.false(lives(hung.pid));
  },
);

test.serial(
  'R10.3 a worker is ended though the process table cannot be read, and the pool says what failed',
  async (t) => {
    const addon = binding() as Mutable;
    const { snapshot } = addon;
    const takeBack = () => {
      addon.snapshot = snapshot;
    };
    t.teardown(takeBack);
    const pool = new Pool({
      command: 'python3',
      args: [fixture('hanging_worker.py')],
      size: 1,
      heartbeat: { intervalMs },
      onOutput: () => {},
    });
    const pid = (await pool.call('pid')) as number;
    const rejected = pool.call('sleep_long').catch((error: Error) => error) as Promise<Error>;
    process.kill(pid, 'SIGSTOP');
    addon.snapshot = async () => -EMFILE;
    const error = await within(rejected, 'the request to be rejected');
    t.regex(error.message, /left \d+ pings in a row unanswered .* ended by SIGKILL/s);
    t.false(lives(pid));
    const alert = await until(() => pool.alerts().find(({ code }) => code === 'cleanup_failed'), 'the alert');
    t.like(alert.evidence.error, { code: 'ERR_PROCGUARD_SYSTEM', errno: -EMFILE });
    takeBack();
    t.not(await pool.call('pid'), pid);
    // At the close the pool looks once more for what the worker may have left.
    t.like(await pool.close({ graceMs: 0 }), { survivors: 0 });
    t.is(pool.stats().workers[0]?.pid, undefined);
  },
);

for (const when of ['when the pool is closed', 'with what the next has left'])
  test.serial(`R10.3 what could not be looked for at a worker's end is ended ${when}`, async (t) => {
    const addon = binding() as Mutable;
    const { snapshot } = addon;
    const takeBack = () => {
      addon.snapshot = snapshot;
    };
    t.teardown(takeBack);
    const { pool } = startPool(t);
    const pid = (await pool.call('pid')) as number;
    const left = (await pool.call('leave_child')) as number;
    t.teardown(() => lives(left) && process.kill(left, 'SIGKILL'));
    addon.snapshot = async () => -EMFILE;
    process.kill(pid, 'SIGKILL');
    await until(() => pool.alerts().find(({ code }) => code === 'cleanup_failed'), 'the alert');
    takeBack();
    t.true(lives(left));
    if (when.startsWith('with')) {
      process.kill((await pool.call('pid')) as number, 'SIGKILL');
      await until(() => !lives(left) || undefined, 'the end of what was left');
    }
    t.like(await pool.close({ graceMs: 0 }), { survivors: 0 });
    t.false(lives(left));
  });
