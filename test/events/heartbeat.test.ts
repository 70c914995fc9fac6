import test from 'ava';
import { hang, rejection, startHangingPool } from '../health/hangs.js';
import { Heard } from './listen.js';

test('R5.2 an answered ping is told with its latency and worker', async (t) => {
  const heard = new Heard(t, 'answering');
  const { pool } = startHangingPool(t, { name: 'answering' });
  await pool.ready();
  const pong = await heard.first('procguard:heartbeat:pong');
  t.like(pong, { success: true, worker: 1, slot: 0, pid: pool.stats().workers[0]!.pid });
  t.true(pong.latencyMs > 0 && pong.latencyMs < 1000);
  t.is(heard.of('procguard:worker:unhealthy').length, 0);
});

test('R5.2 each missed ping is told, and then that the worker is unresponsive, once, and its end', async (t) => {
  const heard = new Heard(t, 'hanging');
  const hanging = startHangingPool(t, { name: 'hanging' });
  const hung = await hang(hanging, 'sleep_with_gil');
  await rejection(hung);
  const exit = await heard.first('procguard:worker:exit');
  t.like(exit, { pid: hung.pid, reason: 'unhealthy', signal: 'SIGKILL', requests: 1, unanswered: 1 });
  const misses = heard.of('procguard:heartbeat:miss');
  t.deepEqual(
    misses.map(({ misses, success, pid }) => [misses, success, pid]),
    [1, 2, 3].map((count) => [count, false, hung.pid]),
  );
  t.true(misses[2]!.silentMs > misses[0]!.silentMs);
  const [unhealthy, ...more] = heard.of('procguard:worker:unhealthy');
  t.is(more.length, 0);
  t.like(unhealthy, { pid: hung.pid, verdict: 'unresponsive', reason: 'no_answer', isReplaced: true });
  t.regex(unhealthy!.stacks ?? '', /sleep_with_gil/);
  t.like(heard.of('procguard:worker:replace')[0], { pid: hung.pid, reason: 'unhealthy', backoffMs: 0 });
});

test('a worker that is stopped is told as unhealthy for that reason', async (t) => {
  const heard = new Heard(t, 'stopped');
  const { pool } = startHangingPool(t, { name: 'stopped' });
  const pid = (await pool.call('pid')) as number;
  process.kill(pid, 'SIGSTOP');
  t.like(await heard.first('procguard:worker:unhealthy'), { pid, reason: 'stopped', isReplaced: true });
  t.like(await heard.first('procguard:worker:exit'), { pid, reason: 'unhealthy' });
});

test('a worker that computes and is left alone is told as stalled once', async (t) => {
  const heard = new Heard(t, 'stalled');
  const hanging = startHangingPool(t, { name: 'stalled' });
  await hang(hanging, 'compute_with_gil', [6]).then(({ rejected }) => rejected.catch(() => {}));
  t.deepEqual(
    heard.of('procguard:worker:unhealthy').map(({ verdict, isReplaced }) => [verdict, isReplaced]),
    [['stalled', false]],
  );
});
