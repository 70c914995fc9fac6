import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { processTreeOf } from '../../lib/admin/process-tree.js';
import { identify } from '../../lib/guard/identify.js';
import { sampleProcesses } from '../../lib/health/sample.js';
import { type OutputLine, Pool, type PoolOptions, spawn } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { fixture } from '../helpers/fixtures.js';
import { Lifelines } from '../helpers/lifelines.js';

function startPool(t: ExecutionContext, options: Partial<PoolOptions> = {}): Pool {
  const pool = new Pool({
    command: process.execPath,
    args: [fixture('windows/worker.mjs')],
    size: 1,
    ...options,
  });
  t.teardown(async () => {
    const { survivors } = await pool.close({ graceMs: 0 });
    if (survivors > 0) throw new Error(`${survivors} survivors`);
  });
  return pool;
}

test.serial('calls, bytes and streams go through descriptors 3 and 4', async (t) => {
  const pool = startPool(t, { size: 2 });
  await pool.ready();
  const bytes = Buffer.alloc(3_000_000, 7);
  const [text, back] = await pool.call<[string, Uint8Array]>('echo', ['ä€😀', bytes]);
  t.is(text, 'ä€😀');
  t.true(bytes.equals(back));
  const items: unknown[] = [];
  for await (const item of pool.stream('count', [500])) items.push(item);
  t.deepEqual(items, [...Array(500).keys()]);
  const answers = await Promise.all([...Array(200).keys()].map((i) => pool.call('echo', [i])));
  t.deepEqual(
    answers,
    [...Array(200).keys()].map((i) => [i]),
  );
  await t.throwsAsync(pool.call('fail'), { code: 'ERR_PROCGUARD_WORKER_ERROR', message: /too far/ });
});

test.serial('what a worker prints and logs arrives line by line', async (t) => {
  const lines: OutputLine[] = [];
  const pool = startPool(t, { onOutput: (line) => lines.push(line) });
  await pool.call('print', ['a line']);
  await until(() => (lines.length === 2 ? true : undefined), 'both lines');
  t.deepEqual(lines.map(({ source, line }) => [source, line]).sort(), [
    ['log', 'logged'],
    ['stdout', 'a line'],
  ]);
});

test.serial('a worker that ends is replaced, and what it has started ends with it', async (t) => {
  await using lifelines = await Lifelines.open();
  const pool = startPool(t);
  const pid = await pool.call('pid');
  await pool.call('start', [lifelines.program, lifelines.arguments('left')]);
  const left = await lifelines.take('left');
  await t.throwsAsync(pool.call('exit', [3]), { code: 'ERR_PROCGUARD_WORKER_DIED' });
  t.not(await pool.call('pid'), pid);
  await t.notThrowsAsync(left.gone());
});

test.serial('a worker that hangs is replaced', async (t) => {
  const pool = startPool(t, { heartbeat: { intervalMs: 1000 } });
  await pool.ready();
  const error = await t.throwsAsync(within(pool.call('spin', [], { timeoutMs: 500 }), 'an end of the call'));
  t.is((error as NodeJS.ErrnoException).code, 'ERR_PROCGUARD_CALL_TIMEOUT');
  t.deepEqual(await within(pool.call('echo', [1]), 'another worker'), [1]);
});

test.serial('a pool restarts without a loss, and drains', async (t) => {
  const pool = startPool(t, { size: 2 });
  const pids = new Set(await Promise.all([pool.call('pid'), pool.call('pid')]));
  await pool.restart();
  t.false(pids.has(await pool.call('pid')));
  const last = pool.call('echo', ['last']);
  const { drained, killed, survivors } = await pool.close();
  t.deepEqual(await last, ['last']);
  t.deepEqual({ drained, killed, survivors }, { drained: 2, killed: 0, survivors: 0 });
});

test.serial('a worker that does not leave is ended', async (t) => {
  const pool = startPool(t);
  await pool.ready();
  const never = t.throwsAsync(pool.call('never'));
  const { killed, survivors } = await pool.close({ graceMs: 300 });
  t.is(survivors, 0);
  // Its console's process may count, too.
  t.true(killed >= 1);
  await never;
});

test.serial('a pool whose workers get no job says so', async (t) => {
  const { PROCGUARD_DISABLE } = process.env;
  process.env.PROCGUARD_DISABLE = 'job';
  t.teardown(() => {
    if (PROCGUARD_DISABLE === undefined) delete process.env.PROCGUARD_DISABLE;
    else process.env.PROCGUARD_DISABLE = PROCGUARD_DISABLE;
  });
  const pool = startPool(t);
  await pool.ready();
  const alert = await until(() => pool.alerts().find(({ code }) => code === 'guard_downgraded'), 'an alert');
  const [downgrade] = alert.evidence.downgrades as { code: string; remedy: string }[];
  t.is(downgrade!.code, 'job_denied');
  t.truthy(downgrade!.remedy);
});

test.serial('the page shows the tree of a worker by its job, also who has lost his parent', async (t) => {
  await using lifelines = await Lifelines.open();
  const child = spawn(lifelines.program, lifelines.arguments('child', 'plain', 'double'), {
    stdio: 'ignore',
  });
  const lives = await lifelines.takeAll(['child', 'plain', 'double']);
  const processes = await processTreeOf(child);
  t.deepEqual(
    processes.map(({ pid, depth, command }) => [pid, depth, command]),
    [
      [lives[0]!.pid, 0, 'life.exe'],
      [lives[1]!.pid, 1, 'life.exe'],
      [lives[2]!.pid, 1, 'life.exe'],
    ],
  );
  t.true(processes.every(({ rssBytes }) => rssBytes !== null && rssBytes > 100_000));
  const ended = once(child, 'exit');
  for (const life of lives) life.exit(0);
  await ended;
  t.deepEqual(await processTreeOf(child), []);
});

test.serial('a sample has the time, the memory and the size of a tree', async (t) => {
  await using lifelines = await Lifelines.open();
  const child = spawn(lifelines.program, lifelines.arguments('child', 'plain', 'double'), {
    stdio: 'ignore',
  });
  const lives = await lifelines.takeAll(['child', 'plain', 'double']);
  const id = identify(child)!;
  const sample = (await sampleProcesses([id], { trees: true })).get(0);
  t.is(sample.outcome, 'sampled');
  t.true(sample.rssBytes > 100_000 && sample.threads >= 1 && sample.cpuMs >= 0);
  t.is(sample.tree?.processes, 3);
  t.true(sample.tree!.rssBytes > sample.rssBytes);
  // Metrics know a worker by its pid alone.
  const { pid, startTicks } = id;
  t.is((await sampleProcesses([{ pid, startTicks }], { trees: true })).get(0).tree?.processes, 3);
  const ended = once(child, 'exit');
  for (const life of lives) life.exit(0);
  await ended;
  t.is((await sampleProcesses([id], { trees: true })).get(0).outcome, 'gone');
});
