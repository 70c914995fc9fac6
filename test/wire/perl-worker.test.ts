import path from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/fixtures.js';
import { WorkerChannel } from '../helpers/worker-channel.js';

async function start(): Promise<WorkerChannel> {
  const worker = new WorkerChannel('perl', [path.join(ROOT, 'examples/worker.pl')]);
  await worker.welcome();
  return worker;
}

test('a worker in Perl says hello', async (t) => {
  await using worker = new WorkerChannel('perl', [path.join(ROOT, 'examples/worker.pl')]);
  t.deepEqual(await worker.message('hello'), {
    type: 'hello',
    protocol: 1,
    sdk: 'perl/1',
    pid: worker.child.pid,
    handlers: ['count', 'echo', 'sum'],
  });
});

test('a worker in Perl answers calls', async (t) => {
  await using worker = await start();
  t.deepEqual(await worker.call(1, 'sum', 1, 2, 3.5), { type: 'result', id: 1, value: 6.5 });
  t.deepEqual(await worker.call(2 ** 53 - 1, 'echo', 'größe 😀', null, true), {
    type: 'result',
    id: 2 ** 53 - 1,
    value: ['größe 😀', null, true],
  });
  t.like(await worker.call(3, 'missing'), { error: { code: 'unknown_method' } });
});

test('a worker in Perl sends binary parts back', async (t) => {
  await using worker = await start();
  const args = [
    Buffer.alloc(300_000, 'abc'),
    { n: Number.NaN, $a: Buffer.from([0, 10, 255]) },
    Buffer.alloc(0),
  ];
  t.deepEqual((await worker.call(1, 'echo', ...args)).value, args);
});

test('a worker in Perl streams under credit, and can be cancelled', async (t) => {
  await using worker = await start();
  worker.request({ type: 'stream', id: 1, method: 'count', args: [3], credit: 2 });
  t.like(await worker.answer(1), { type: 'item', value: 0 });
  t.like(await worker.answer(1), { type: 'item', value: 1 });
  await worker.call(2, 'sum');
  t.false(worker.hasAnswer(1));
  worker.tell({ type: 'credit', id: 1, items: 2 });
  t.like(await worker.answer(1), { type: 'item', value: 2 });
  t.deepEqual(await worker.answer(1), { type: 'end', id: 1 });

  worker.request({ type: 'stream', id: 3, method: 'count', args: [1e9], credit: 1 });
  await worker.answer(3);
  worker.tell({ type: 'cancel', id: 3 });
  t.like(await worker.answer(3), { type: 'error', error: { code: 'cancelled' } });
});

test('a worker in Perl answers pings while it sends a stream', async (t) => {
  await using worker = await start();
  worker.request({ type: 'stream', id: 1, method: 'count', args: [1e9], credit: 1e9 });
  await worker.answer(1);
  worker.tell({ type: 'ping', seq: 5 });
  t.deepEqual(await worker.message('pong'), { type: 'pong', seq: 5 });
  worker.tell({ type: 'cancel', id: 1 });
  let answer = await worker.answer(1);
  while (answer.type === 'item') answer = await worker.answer(1);
  t.like(answer, { error: { code: 'cancelled' } });
});

for (const [name, end] of [
  ['control is closed', (worker: WorkerChannel) => worker.control.destroy()],
  ['it is told to drain', (worker: WorkerChannel) => worker.tell({ type: 'drain' })],
  ['SIGTERM arrives', (worker: WorkerChannel) => worker.child.kill('SIGTERM')],
] as const) {
  test(`a worker in Perl leaves with code 0 when ${name}`, async (t) => {
    await using worker = await start();
    await worker.call(1, 'sum');
    end(worker);
    t.deepEqual(await worker.exited(), { code: 0, signal: null });
  });
}

test('a worker in Perl finishes what it has taken when it is told to drain', async (t) => {
  await using worker = await start();
  worker.request({ type: 'call', id: 1, method: 'echo', args: [Buffer.alloc(2 ** 21)] });
  worker.request({ type: 'stream', id: 2, method: 'count', args: [2], credit: 9 });
  worker.tell({ type: 'drain' });
  t.like(await worker.answer(1), { type: 'result' });
  t.like(await worker.answer(2), { value: 0 });
  t.like(await worker.answer(2), { value: 1 });
  t.like(await worker.answer(2), { type: 'end' });
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
});
