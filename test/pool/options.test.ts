import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import test from 'ava';
import type { ProcguardError } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { fixture, lives, startPool, temporaryFolder } from './pools.js';

const asyncWorker = { args: [fixture('async_worker.py')] };

test('concurrency gives a worker so many calls at a time, and no more', async (t) => {
  const { pool } = startPool(t, { ...asyncWorker, concurrency: 3 });
  await pool.ready();
  const meeting = Array.from({ length: 3 }, () => pool.call('meet', [3]));
  const fourth = pool.call('pid');
  t.like(pool.stats(), { inFlight: 3, queued: 1 });
  t.deepEqual(await within(Promise.all(meeting), 'the calls to meet'), [3, 3, 3]);
  t.is(typeof (await fourth), 'number');
});

test('quick answers do not wait for a slow one that the worker begins before they are written', async (t) => {
  const { pool } = startPool(t, { concurrency: 4 });
  const call = (seconds: number) => pool.call('mostly_quick', [seconds]);
  // The worker takes the handler for a quick one after a while, and then writes several answers together.
  for (let round = 0; round < 6; round++) {
    for (let n = 0; n < 300; n++) await Promise.all([0, 0, 0, 0].map(call));
    const answered: number[] = [];
    await Promise.all([0, 0, 0, 0.4].map((seconds) => call(seconds).then(() => answered.push(seconds))));
    t.deepEqual(answered, [0, 0, 0, 0.4]);
    t.is(pool.stats().inFlight, 0);
  }
});

test('a timeout says whether the call waited or ran', async (t) => {
  const { pool, line } = startPool(t);
  await pool.ready();
  const running = pool.call('wait_for', ['/nonexistent'], { timeoutMs: 3000 });
  await line(/^waiting$/);
  const waiting = pool.call('echo', [1], { timeoutMs: 50 });
  const [, stuck] = await Promise.all([
    t.throwsAsync(waiting, { code: 'ERR_PROCGUARD_CALL_TIMEOUT', message: /still waited for a worker/ }),
    t.throwsAsync(running, { code: 'ERR_PROCGUARD_CALL_TIMEOUT', message: /Worker \d+ had it/ }),
  ]);
  t.regex(stuck.message, /within 3000 ms/);
  t.is(await pool.call('echo', [2]), 2);
  t.like(pool.stats(), { cancelled: 2, succeeded: 1, queued: 0, inFlight: 0 });
});

test('a key waits for the replacement of its worker, and nobody else gets its calls', async (t) => {
  const { pool } = startPool(t, { size: 3 });
  await pool.ready();
  const before = await pool.call<number>('pid', [], { affinity: 'session' });
  const others = pool.stats().workers.flatMap(({ pid }) => (pid === before ? [] : [pid]));
  const doomed = t.throwsAsync(pool.call('die', [9], { affinity: 'session' }), {
    code: 'ERR_PROCGUARD_WORKER_DIED',
  });
  const behind = pool.call<number>('pid', [], { affinity: 'session' });
  await doomed;
  const after = await behind;
  t.not(after, before);
  t.false(others.includes(after));
  t.is(await pool.call('pid', [], { affinity: 'session' }), after);
});

test('a call that dies is tried as often as allowed, each time in another worker', async (t) => {
  const { pool, lines } = startPool(t, { size: 2 });
  const error = await t.throwsAsync(pool.call('die', [9, 'tried'], { idempotent: true, retries: 2 }), {
    code: 'ERR_PROCGUARD_WORKER_DIED',
  });
  t.regex(error.message, /SIGKILL/);
  const pids = lines.filter(({ line }) => line === 'tried').map(({ pid }) => pid);
  t.is(pids.length, 3);
  t.is(new Set(pids).size, 3);
});

test('a signal that is aborted already sends nothing', async (t) => {
  const { pool, line } = startPool(t);
  const reason = new Error('too late');
  const signal = AbortSignal.abort(reason);
  t.is(await t.throwsAsync(pool.call('die', [9], { signal })), reason);
  t.is(
    await t.throwsAsync(async () => {
      for await (const item of pool.stream('count', [1], { signal })) t.fail(String(item));
    }),
    reason,
  );
  const file = join(temporaryFolder(t), 'go');
  const held = pool.call('wait_for', [file]);
  await line(/^waiting$/);
  await t.throwsAsync(pool.call('die', [9], { signal }), { message: 'too late' });
  writeFileSync(file, '');
  await held;
  t.like(pool.stats(), { queued: 0, inFlight: 0, succeeded: 1, cancelled: 0, rejected: 0 });
});

test('a pool whose command does not exist rejects ready() and calls, before and after it has failed', async (t) => {
  const { pool } = startPool(t, { command: '/nonexistent/python', size: 2 });
  const failed = { code: 'ERR_PROCGUARD_POOL_FAILED', message: /no command `\/nonexistent\/python`/ };
  await Promise.all([
    t.throwsAsync(within(pool.ready(), 'a rejection'), failed),
    t.throwsAsync(within(pool.call('echo', [1]), 'a rejection'), failed),
    t.throwsAsync(within(pool.call('echo', [1], { affinity: 'a' }), 'a rejection'), failed),
    t.throwsAsync(
      within(
        (async () => {
          for await (const item of pool.stream('count', [1])) t.fail(String(item));
        })(),
        'a rejection',
      ),
      failed,
    ),
  ]);
  const late = await t.throwsAsync(pool.call('echo', [1]), failed);
  t.is(getSystemErrorName((late.cause as ProcguardError).errno as number), 'ENOENT');
  await t.throwsAsync(pool.ready(), failed);
  t.like(pool.stats(), { ready: 0, failed: 2, queued: 0 });
});

test('a script with a syntax error rejects ready() and calls with the line', async (t) => {
  const script = join(temporaryFolder(t), 'broken.py');
  writeFileSync(script, 'def broken(:\n');
  const { pool } = startPool(t, { args: [script] });
  const failed = { code: 'ERR_PROCGUARD_POOL_FAILED', message: /def broken\(:[\s\S]*SyntaxError/ };
  await Promise.all([t.throwsAsync(pool.ready(), failed), t.throwsAsync(pool.call('x'), failed)]);
});

test('a worker that breaks the protocol while it is idle gets no calls, though its replacement is slow', async (t) => {
  const gate = join(temporaryFolder(t), 'gate');
  const { pool } = startPool(t, { ...asyncWorker, size: 2, env: { ...process.env, GATE: gate } });
  await pool.ready();
  writeFileSync(gate, '');
  const doomed = await pool.call<number>('garble');
  const stateOf = () => pool.stats().workers.find(({ pid }) => pid === doomed)?.state;
  while (stateOf() === 'ready') await new Promise((resolve) => setImmediate(resolve));
  t.is(stateOf(), 'leaving');
  const pid = await within(pool.call<number>('pid'), 'the other worker to answer');
  t.not(pid, doomed);
  await until(() => (lives(doomed) ? undefined : true), 'the worker to be gone');
});

test('the SDK is found whatever PYTHONPATH says', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'mine.py'), 'NAME = "mine"\n');
  const file = join(folder, 'name');
  const { pool } = startPool(t, {
    env: { ...process.env, PYTHONPATH: folder },
    args: [
      '-c',
      `import procguard, mine; open(${JSON.stringify(file)}, "w").write(mine.NAME); procguard.serve()`,
    ],
  });
  await pool.ready();
  t.true(existsSync(file));
  t.is(readFileSync(file, 'utf8'), 'mine');
});
