import test from 'ava';
import { type Pool, WorkerDiedError } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { ascending, isBegun, node, numbers, signalWorker, startNoting } from './noting.js';

for (const [name, mode, concurrency, options] of [
  ['one request at a time', 'serial', 1, {}],
  ['requests that wait in it', 'serial', 8, {}],
  ['async handlers', 'async', 8, {}],
  ['sync handlers in its event loop', 'blocking', 8, {}],
  ['handler threads', 'threads', 8, {}],
  ['Node', '', 8, node],
] as const) {
  for (const size of [1, 3]) {
    test(`SIGTERM to one of ${size} workers, ${name}: every call is answered, and runs once`, async (t) => {
      const noting = startNoting(t, { MODE: mode }, { ...options, size, concurrency });
      const { pool, run, begun } = noting;
      // One after the other they take longest.
      const count = concurrency === 1 ? 20 : 40;
      await pool.ready();
      const answers = Promise.all(numbers(count).map((number) => run(number, 0.1)));
      await isBegun(noting, 0);
      const slot = size - 1;
      const pid = signalWorker(noting, slot);
      t.deepEqual(await within(answers, 'the answers'), numbers(count));
      t.deepEqual(ascending(begun()), numbers(count));
      const next = await until(() => {
        const worker = pool.stats().workers[slot];
        return worker?.state === 'ready' && worker.pid !== pid ? worker : undefined;
      }, 'the next worker');
      t.is(next.restarts, 1);
      t.like(pool.stats(), { queued: 0, inFlight: 0, rejected: 0, succeeded: count });
    });
  }
}

test('SIGTERM to a worker with async handlers and handler threads: every call is answered, and runs once', async (t) => {
  const noting = startNoting(t, { MODE: 'mixed' }, { concurrency: 16 });
  await noting.pool.ready();
  const answers = Promise.all(
    numbers(40).map((number) => noting.run(number, 0.1, {}, number % 3 === 0 ? 'run_async' : 'run')),
  );
  await isBegun(noting, 0);
  signalWorker(noting);
  t.deepEqual(await within(answers, 'the answers'), numbers(40));
  t.deepEqual(ascending(noting.begun()), numbers(40));
});

test('SIGTERM to a worker that does not say that it leaves loses the calls that it never began', async (t) => {
  const noting = startNoting(t, { SILENT: '1' }, { concurrency: 8 });
  await noting.pool.ready();
  const answers = Promise.allSettled(numbers(20).map((number) => noting.run(number, 0.1)));
  await isBegun(noting, 0);
  signalWorker(noting);
  const lost = (await within(answers, 'the answers')).flatMap((answer, number) =>
    answer.status === 'rejected' && answer.reason instanceof WorkerDiedError ? number : [],
  );
  t.true(lost.length > 0);
  const begun = new Set(noting.begun());
  t.deepEqual(
    lost.filter((number) => begun.has(number)),
    [],
  );
});

for (const mode of ['serial', 'blocking', 'threads']) {
  test(`a request that holds its leaving worker up for too long is lost alone: ${mode}`, async (t) => {
    const noting = startNoting(t, { MODE: mode }, { concurrency: 8 });
    await noting.pool.ready();
    // Two threads have one each.
    const stuck = mode === 'threads' ? 2 : 1;
    const lost = numbers(stuck).map((number) =>
      t.throwsAsync(noting.run(number, 60), { code: 'ERR_PROCGUARD_WORKER_DIED' }),
    );
    await isBegun(noting, stuck - 1);
    const others = [3, 4, 5, 6, 7];
    const answers = Promise.all(others.map((number) => noting.run(number, 0)));
    signalWorker(noting);
    t.deepEqual(await within(answers, 'the answers'), others);
    await Promise.all(lost);
    t.deepEqual(ascending(noting.begun()), [...numbers(stuck), ...others]);
  });
}

// By itself: the answers must come within the two seconds for which one request holds the worker up.
test.serial('what a worker gives back need not wait until it has left', async (t) => {
  const noting = startNoting(t, {}, { size: 2, concurrency: 8 });
  const { pool, run, begun } = noting;
  await pool.ready();
  const [leaving, other] = pool.stats().workers.map(({ pid }) => pid);
  const held = run(0, 2, { affinity: await affinityTo(pool, leaving) });
  const short = run(1, 0.1, { affinity: await affinityTo(pool, other) });
  await isBegun(noting, 0);
  const more = numbers(6).map((number) => run(number + 2, 0));
  signalWorker(noting);
  t.deepEqual(await within(Promise.all(more), 'the answers'), [2, 3, 4, 5, 6, 7]);
  t.like(pool.stats(), { ready: 1, inFlight: 1 });
  t.like(pool.stats().workers[0], { state: 'leaving', pid: leaving });
  t.deepEqual(await Promise.all([held, short]), [0, 1]);
  t.deepEqual(ascending(begun()), numbers(8));
});

async function affinityTo(pool: Pool, pid: number | undefined): Promise<string> {
  for (let n = 0; ; n++) {
    const affinity = `key ${n}`;
    if ((await pool.call('pid', [], { affinity })) === pid) return affinity;
  }
}

test('what is cancelled or out of time meanwhile is not run by the next worker', async (t) => {
  const noting = startNoting(t, {}, { concurrency: 8 });
  const { pool, run, begun } = noting;
  await pool.ready();
  const held = run(0, 1.5);
  await isBegun(noting, 0);
  const before = new AbortController();
  const after = new AbortController();
  const rejected = [
    t.throwsAsync(run(1, 0, { timeoutMs: 500 }), { code: 'ERR_PROCGUARD_CALL_TIMEOUT' }),
    t.throwsAsync(run(2, 0, { signal: before.signal }), { any: true, name: 'AbortError' }),
    t.throwsAsync(run(3, 0, { signal: after.signal }), { any: true, name: 'AbortError' }),
  ];
  const answered = [4, 5].map((number) => run(number, 0));
  before.abort();
  signalWorker(noting);
  await until(() => (pool.stats().queued > 0 ? true : undefined), 'the requests to be given back');
  after.abort();
  await Promise.all(rejected);
  t.deepEqual(await Promise.all([held, ...answered]), [0, 4, 5]);
  t.deepEqual(ascending(begun()), [0, 4, 5]);
  t.like(pool.stats(), { queued: 0, inFlight: 0, succeeded: 3, cancelled: 3, rejected: 0 });
});

test('a stream that waits in a leaving worker is served by the next one', async (t) => {
  const noting = startNoting(t, {}, { concurrency: 8 });
  await noting.pool.ready();
  const held = noting.run(0, 0.3);
  await isBegun(noting, 0);
  const stream = noting.pool.stream('items', [noting.file, 1]);
  signalWorker(noting);
  t.deepEqual(await within(all(stream), 'the items'), [0, 1, 2]);
  t.is(await held, 0);
  t.deepEqual(noting.begun(), [0, 1]);
});

async function all(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

test('what is given back keeps its order, and waits for the next worker of its affinity', async (t) => {
  const noting = startNoting(t, {}, { size: 3, concurrency: 8 });
  const { pool, run, begun } = noting;
  await pool.ready();
  const affinity = 'a key';
  const first = await pool.call<number>('pid', [], { affinity });
  const { slot } = pool.stats().workers.find(({ pid }) => pid === first)!;
  const answers = numbers(12).map((number) => run(number, number === 0 ? 0.3 : 0, { affinity }));
  await isBegun(noting, 0);
  signalWorker(noting, slot);
  const next = pool.call<number>('pid', [], { affinity });
  t.deepEqual(await within(Promise.all(answers), 'the answers'), numbers(12));
  t.deepEqual(begun(), numbers(12));
  const successor = await next;
  t.is(pool.stats().workers[slot]?.pid, successor);
  t.not(successor, first);
});

test('a worker that was told to leave by somebody else is replaced at once, however often', async (t) => {
  const noting = startNoting(t, {});
  const { pool } = noting;
  const states = new Set<string>();
  for (let time = 0; time < 4; time++) {
    await pool.ready();
    const pid = signalWorker(noting);
    await until(() => {
      const worker = pool.stats().workers[0];
      states.add(String(worker?.state));
      return worker?.state === 'ready' && worker.pid !== pid ? true : undefined;
    }, 'the next worker');
  }
  t.false(states.has('waiting'), [...states].join());
  t.is(pool.stats().workers[0]?.restarts, 4);
});

test('a close in which a worker is told to leave by somebody else finishes what waits', async (t) => {
  const noting = startNoting(t, {}, { concurrency: 8 });
  await noting.pool.ready();
  const answers = Promise.all(numbers(20).map((number) => noting.run(number, 0.05)));
  await isBegun(noting, 0);
  const closed = noting.pool.close();
  signalWorker(noting);
  t.deepEqual(await within(answers, 'the answers'), numbers(20));
  t.like(await closed, { killed: 0, survivors: 0, abandoned: 0 });
  t.deepEqual(ascending(noting.begun()), numbers(20));
});
