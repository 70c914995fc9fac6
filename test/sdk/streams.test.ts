import test from 'ava';
import { startSdkWorker } from '../helpers/sdk-worker.js';

test('a generator sends no more items than credit was given', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'stream', id: 1, method: 'count', args: [4], credit: 2 });
  t.deepEqual(await worker.answer(1), { type: 'item', id: 1, value: 0 });
  t.deepEqual(await worker.answer(1), { type: 'item', id: 1, value: 1 });
  // Answers have an order: what was to come before this one has come.
  await worker.call(2, 'slow', 20);
  t.false(worker.hasAnswer(1));
  worker.tell({ type: 'credit', id: 1, items: 8 });
  t.like(await worker.answer(1), { type: 'item', value: 2 });
  t.like(await worker.answer(1), { type: 'item', value: 3 });
  t.deepEqual(await worker.answer(1), { type: 'end', id: 1 });
});

test('an async generator is a stream too, in the context of its request', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'stream', id: 5, method: 'count-async', args: [2], credit: 9 });
  t.like(await worker.answer(5), { value: { i: 0, id: 5 } });
  t.like(await worker.answer(5), { value: { i: 1, id: 5 } });
  t.like(await worker.answer(5), { type: 'end' });
});

test('a call of a generator is answered by the list of its items', async (t) => {
  await using worker = await startSdkWorker();
  t.deepEqual(await worker.call(1, 'count', 3), { type: 'result', id: 1, value: [0, 1, 2] });
});

test('a stream of a plain handler is one item and an end', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'stream', id: 1, method: 'add', args: [1, 2], credit: 1 });
  t.deepEqual(await worker.answer(1), { type: 'item', id: 1, value: 3 });
  t.deepEqual(await worker.answer(1), { type: 'end', id: 1 });
});

for (const [method, code] of [
  ['fail-late', 'handler_failed'],
  ['odd-item', 'unserializable'],
]) {
  test(`a stream can fail after its first item: ${code}`, async (t) => {
    await using worker = await startSdkWorker();
    worker.request({ type: 'stream', id: 1, method, args: [], credit: 9 });
    t.like(await worker.answer(1), { type: 'item' });
    t.like(await worker.answer(1), { type: 'error', error: { code } });
  });
}

test('a stream that waits for credit is closed when it is cancelled', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'stream', id: 1, method: 'count', args: [9], credit: 1 });
  await worker.answer(1);
  worker.tell({ type: 'cancel', id: 1 });
  t.like(await worker.answer(1), { type: 'error', error: { code: 'cancelled' } });
  await worker.message('log', { message: 'closed' });
});

test('a generator that never waits leaves room for pings and its cancellation', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 1, method: 'endless', args: [] });
  worker.tell({ type: 'ping', seq: 1 });
  await worker.message('pong', { seq: 1 });
  worker.tell({ type: 'cancel', id: 1 });
  t.like(await worker.answer(1), { type: 'error', error: { code: 'cancelled' } });
});
