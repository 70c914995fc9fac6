import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { within } from '../helpers/deadline.js';
import { fixture } from '../helpers/fixtures.js';
import { processGone } from '../helpers/proc.js';
import { startSdkWorker } from '../helpers/sdk-worker.js';
import { WorkerChannel } from '../helpers/worker-channel.js';

test('a ping is answered while a request is worked on', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 1, method: 'until-cancelled', args: [] });
  await worker.message('log', { message: 'waiting' });
  worker.tell({ type: 'ping', seq: 7 });
  t.deepEqual(await worker.message('pong'), { type: 'pong', seq: 7 });
});

test('cancel aborts the signal of its request', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 1, method: 'until-cancelled', args: [] });
  await worker.message('log', { message: 'waiting' });
  worker.tell({ type: 'cancel', id: 1 });
  t.like(await worker.answer(1), { type: 'error', error: { code: 'cancelled' } });
});

test('a cancel that overtakes its request cancels it', async (t) => {
  await using worker = await startSdkWorker();
  worker.tell({ type: 'cancel', id: 1 });
  worker.tell({ type: 'ping', seq: 1 });
  await worker.message('pong');
  t.like(await worker.call(1, 'add', 1, 2), { error: { code: 'cancelled' } });
});

test('messages that nobody knows are ignored', async (t) => {
  await using worker = await startSdkWorker();
  worker.tell({ type: 'later', id: 1 });
  worker.tell({ type: 'cancel', id: 99 });
  worker.tell({ type: 'credit', id: 99, items: 1 });
  worker.tell({ type: 'ping', seq: 1, more: true });
  t.deepEqual(await worker.message('pong'), { type: 'pong', seq: 1 });
});

test('drain: what was taken is finished, and the exit code is 0', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 1, method: 'slow', args: [50] });
  worker.request({ type: 'call', id: 2, method: 'echo', args: [Buffer.alloc(2 ** 22)] });
  worker.tell({ type: 'drain' });
  t.like(await worker.answer(1), { value: 'slept' });
  t.is(((await worker.answer(2)).value as Buffer[])[0]!.length, 2 ** 22);
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
});

test('R3.5 SIGTERM: the request in hand is finished, and the exit code is 0', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 1, method: 'started-slow', args: [100] });
  await worker.message('log', { message: 'started' });
  worker.child.kill('SIGTERM');
  t.like(await worker.answer(1), { value: 'slept' });
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
});

test('SIGTERM: it says which request was its last, and takes no more', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 7, method: 'started-slow', args: [500] });
  await worker.message('log', { message: 'started' });
  worker.child.kill('SIGTERM');
  t.deepEqual(await worker.message('leaving'), { type: 'leaving', last: 7 });
  worker.request({ type: 'call', id: 8, method: 'add', args: [1, 2] });
  worker.tell({ type: 'drain' });
  t.like(await worker.answer(7), { value: 'slept' });
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
  t.false(worker.hasAnswer(8));
});

test('SIGTERM: an idle worker waits for the drain, but not for long', async (t) => {
  for (const drains of [true, false]) {
    await using worker = await startSdkWorker();
    worker.child.kill('SIGTERM');
    t.deepEqual(await worker.message('leaving'), { type: 'leaving', last: 0 });
    const told = performance.now();
    if (drains) worker.tell({ type: 'drain' });
    t.deepEqual(await worker.exited(), { code: 0, signal: null });
    t.true(performance.now() - told < 3000);
  }
});

test('SIGTERM: a request that takes longer than 3 seconds is left', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 1, method: 'started-slow', args: [60_000] });
  await worker.message('log', { message: 'started' });
  const told = performance.now();
  worker.child.kill('SIGTERM');
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
  t.true(performance.now() - told > 2000);
});

test('SIGTERM: a stream that nobody reads is left within 3 seconds', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'stream', id: 1, method: 'count', args: [9], credit: 1 });
  await worker.answer(1);
  const told = performance.now();
  worker.child.kill('SIGTERM');
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
  t.true(performance.now() - told < 3000);
});

test('the end of control ends a worker whose answer nobody reads', async (t) => {
  await using worker = await startSdkWorker();
  worker.data.pause();
  worker.request({ type: 'call', id: 1, method: 'large', args: [] });
  worker.request({ type: 'call', id: 2, method: 'log', args: [] });
  await worker.message('log', { message: 'plain' });
  worker.control.destroy();
  t.like(await worker.exited(), { code: 0 });
});

test('SIGINT is ignored', async (t) => {
  await using worker = await startSdkWorker();
  worker.child.kill('SIGINT');
  t.like(await worker.call(1, 'add', 1, 2), { value: 3 });
});

test('the end of control ends the worker at once, with code 0', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 1, method: 'started-slow', args: [60_000] });
  await worker.message('log', { message: 'started' });
  worker.control.destroy();
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
});

test('a broken stdout ends the worker with code 0', async (t) => {
  await using worker = await startSdkWorker();
  worker.child.stdout?.destroy();
  worker.request({ type: 'call', id: 1, method: 'print', args: ['hello'] });
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
});

test('a refused worker says why, and exits', async (t) => {
  await using worker = new WorkerChannel(process.execPath, [fixture('sdk/worker.mjs')]);
  await worker.message('hello');
  worker.tell({ type: 'refused', message: 'version 1 is too old' });
  t.like(await worker.exited(), { code: 1 });
  t.regex(worker.stderr, /version 1 is too old/);
});

for (const [name, send] of [
  ['a line that is no object', (worker: WorkerChannel) => worker.control.write('[]\n')],
  ['a frame with a header that is too large', (worker) => worker.data.write(Buffer.alloc(8, 0xff))],
  ['a request without a method', (worker) => worker.request({ type: 'call', id: 1, args: [] })],
  ['a request with a bad id', (worker) => worker.request({ type: 'call', id: 0, method: 'a', args: [] })],
] as [string, (worker: WorkerChannel) => unknown][]) {
  test(`${name} ends the worker with a message`, async (t) => {
    await using worker = await startSdkWorker();
    send(worker);
    t.like(await worker.exited(), { code: 1 });
    t.regex(worker.stderr, /^procguard worker: .+\n$/);
  });
}

test('a parent that is gone ends the worker, also when control stays open', async (t) => {
  // The shell hands its sockets on and ends when its stdin, which the test holds, does.
  const shell = spawn(
    'sh',
    [
      '-c',
      '"$0" "$1" </dev/null & echo $! && read line; exit 0',
      process.execPath,
      fixture('sdk/worker.mjs'),
    ],
    { stdio: ['pipe', 'pipe', 'ignore', 'pipe', 'pipe'], env: { ...process.env, PROCGUARD_PROTOCOL: '1' } },
  );
  t.teardown(() => {
    // The worker has no parent by then, and goes with its control channel at the latest.
    for (const stream of shell.stdio) stream?.destroy();
  });
  const [pid] = (await within(once(shell.stdout!, 'data'), 'the pid')).map(Number);
  await within(once(shell.stdio[3]!, 'data'), 'the hello');
  shell.stdin?.end();
  await t.notThrowsAsync(processGone(pid!));
});

test('serve() without a pool says what to do', async (t) => {
  const env = { ...process.env };
  delete env.PROCGUARD_PROTOCOL;
  const child = spawn(process.execPath, [fixture('sdk/worker.mjs')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  await within(once(child, 'close'), 'the end');
  t.regex(stderr, /ERR_PROCGUARD_NOT_A_WORKER/);
});
