import test from 'ava';
import type { Pool, RequestEndEvent } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { startPool, temporaryFolder } from '../pool/pools.js';
import { Heard } from './listen.js';

const outcomes = (ends: readonly RequestEndEvent[]) => ends.map(({ outcome }) => outcome);

test('a call is told when it is made, given to a worker, and answered, once each', async (t) => {
  const heard = new Heard(t, 'plain');
  const { pool } = startPool(t, { name: 'plain' });
  await pool.ready();
  await pool.call('mostly_quick', [0.05]);
  t.deepEqual(
    heard.all.filter(({ name }) => name.includes('request')).map(({ name }) => name),
    ['procguard:request:submit', 'procguard:request:start', 'procguard:request:end'],
  );
  const [submit] = heard.of('procguard:request:submit');
  const [start] = heard.of('procguard:request:start');
  const [end] = heard.of('procguard:request:end');
  const about = { pool: 'plain', request: 1, method: 'mostly_quick' };
  t.like(submit, about);
  t.like(start, { ...about, worker: 1, pid: pool.stats().workers[0]!.pid, waitMs: 0 });
  t.like(end, { ...about, outcome: 'succeeded', worker: 1, waitMs: 0, retries: 0, error: undefined });
  t.true(end!.runMs >= 45 && end!.runMs < 20_000);
  t.true(end!.at.getTime() - submit!.at.getTime() >= 45);
  t.true(Math.abs(end!.at.getTime() - Date.now()) < 20_000);
  t.is(JSON.parse(JSON.stringify(end)).at, end!.at.toISOString());
});

test('a request that waits says how long', async (t) => {
  const heard = new Heard(t, 'waiting');
  const { pool } = startPool(t, { name: 'waiting' });
  await pool.ready();
  await Promise.all([pool.call('mostly_quick', [0.1]), pool.call('echo', [1])]);
  const [first, second] = heard.of('procguard:request:end');
  t.is(first!.waitMs, 0);
  t.true(second!.waitMs >= 90 && second!.runMs < first!.runMs + 20_000);
  t.is(heard.of('procguard:request:start')[1]!.waitMs, second!.waitMs);
});

test('each way to end has its outcome, and its error', async (t) => {
  const heard = new Heard(t, 'ends');
  const { pool, line } = startPool(t, { name: 'ends', maxQueue: 1 });
  await pool.ready();
  const lastEnd = () => heard.of('procguard:request:end').at(-1)!;

  await t.throwsAsync(pool.call('fail', ['no']));
  t.is((lastEnd().error as { code: string }).code, 'ERR_PROCGUARD_WORKER_ERROR');

  const folder = temporaryFolder(t);
  const abort = new AbortController();
  const cancelled = t.throwsAsync(pool.call('wait_for', [`${folder}/a`], { signal: abort.signal }));
  await line(/waiting/);
  const waits = pool.call('echo', ['waits']);
  await t.throwsAsync(pool.call('echo', ['refused']), { code: 'ERR_PROCGUARD_QUEUE_FULL' });
  t.like(lastEnd(), { method: 'echo', worker: undefined, runMs: 0, waitMs: 0 });
  abort.abort(new Error('enough'));
  await cancelled;
  t.is((lastEnd().error as Error).message, 'enough');
  await waits;

  await t.throwsAsync(pool.call('wait_for', [`${folder}/b`], { timeoutMs: 50 }));
  t.is((lastEnd().error as { code: string }).code, 'ERR_PROCGUARD_CALL_TIMEOUT');

  await t.throwsAsync(pool.call('echo', [1], { signal: AbortSignal.abort(new Error('before')) }));
  await t.throwsAsync(pool.call('die', [9]));

  for await (const item of pool.stream('count', [100])) if (item === 2) break;
  t.is(lastEnd().error, undefined);

  await pool.close();
  await t.throwsAsync(pool.call('echo', [1]), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
  t.deepEqual(outcomes(heard.of('procguard:request:end')), [
    'failed',
    'refused',
    'cancelled',
    'succeeded',
    'timed_out',
    'refused',
    'died',
    'cancelled',
    'refused',
  ]);
  agree(t, heard, pool);
});

test('a call that is given to another worker starts twice, and ends once', async (t) => {
  const heard = new Heard(t, 'again');
  const { pool } = startPool(t, { name: 'again' });
  await pool.ready();
  const path = `${temporaryFolder(t)}/once`;
  await pool.call('die_once', [path], { idempotent: true, retries: 2 });
  const starts = heard.of('procguard:request:start');
  t.deepEqual(
    starts.map(({ request, worker }) => [request, worker]),
    [
      [1, 1],
      [1, 2],
    ],
  );
  const [end, ...more] = heard.of('procguard:request:end');
  t.is(more.length, 0);
  t.like(end, { outcome: 'succeeded', worker: 2, retries: 1, waitMs: starts[1]!.waitMs });
  t.true(end!.waitMs > 0);
});

test('a call that dies with its last worker says so once', async (t) => {
  const heard = new Heard(t, 'last');
  const { pool } = startPool(t, { name: 'last' });
  await pool.ready();
  await t.throwsAsync(pool.call('die', [9], { idempotent: true, retries: 1 }));
  const [end, ...more] = heard.of('procguard:request:end');
  t.is(more.length, 0);
  t.like(end, { outcome: 'died', retries: 1, worker: 2 });
});

/** False: it has ended. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

test('in chaos every request ends once, and the events are what the pool counts', async (t) => {
  const heard = new Heard(t, 'chaos');
  const { pool } = startPool(t, { name: 'chaos', size: 2, concurrency: 4, maxQueue: 400 });
  await pool.ready();
  const calls: Promise<unknown>[] = [];
  for (let n = 0; n < 1500; n++) {
    const abort = n % 17 === 0 ? new AbortController() : undefined;
    const options = { signal: abort?.signal, idempotent: true, retries: n % 3 === 0 ? 2 : 0 };
    const method = n % 13 === 0 ? 'fail' : 'echo';
    calls.push(pool.call(method, [n], options).catch(() => {}));
    if (abort !== undefined) setImmediate(() => abort.abort());
    if (n % 500 === 250) {
      // One that has just ended is ready for a moment more.
      const killed = await until(
        () => pool.stats().workers.some(({ state, pid }) => state === 'ready' && kill(pid!)) || undefined,
        'a worker to kill',
      );
      t.true(killed);
    }
    if (n % 100 === 0) await Promise.race(calls.slice(-20));
  }
  await Promise.all(calls);
  agree(t, heard, pool);
  const submitted = heard.of('procguard:request:submit').map(({ request }) => request);
  const ended = heard.of('procguard:request:end').map(({ request }) => request);
  t.is(submitted.length, 1500);
  t.deepEqual(
    [...ended].sort((a, b) => a - b),
    submitted,
  );
});

function agree(t: { deepEqual(a: unknown, b: unknown): void }, heard: Heard, pool: Pool): void {
  const counts = { succeeded: 0, failed: 0, timed_out: 0, cancelled: 0, died: 0, refused: 0 };
  for (const { outcome } of heard.of('procguard:request:end')) counts[outcome]++;
  const { succeeded, rejected, cancelled } = pool.stats();
  t.deepEqual(
    {
      succeeded: counts.succeeded,
      rejected: counts.failed + counts.died,
      cancelled: counts.cancelled + counts.timed_out,
    },
    { succeeded, rejected, cancelled },
  );
}
