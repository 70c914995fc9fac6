import test from 'ava';
import { NumericArray } from '../../lib/wire/values.js';
import { fixture } from '../helpers/fixtures.js';
import { startSdkWorker } from '../helpers/sdk-worker.js';
import { WorkerChannel } from '../helpers/worker-channel.js';

test('hello is the first message and says what the worker offers', async (t) => {
  await using worker = new WorkerChannel(process.execPath, [fixture('sdk/worker.mjs')]);
  const hello = await worker.welcome();
  t.like(hello, { protocol: 1, sdk: 'node/1', pid: worker.child.pid });
  t.true((hello.handlers as string[]).includes('echo'));
  t.like(await worker.message('log'), { level: 'debug', message: 'before serve' });
});

test('a call is answered with what the handler returns, or its promise', async (t) => {
  await using worker = await startSdkWorker();
  t.deepEqual(await worker.call(1, 'add', 1, 2), { type: 'result', id: 1, value: 3 });
  t.deepEqual(await worker.call(2, 'nothing'), { type: 'result', id: 2, value: null });
  const args = [{ text: 'größe 😀' }, Number.NaN, Buffer.alloc(100_000, 7), { $ref: 1 }];
  t.deepEqual(await worker.call(2 ** 53 - 1, 'echo', ...args), {
    type: 'result',
    id: 2 ** 53 - 1,
    value: args,
  });
});

test('arrays arrive as NumericArray, and are sent as such', async (t) => {
  await using worker = await startSdkWorker();
  const array = new NumericArray(new Float32Array([1, 2, 3, 4]), [2, 2]);
  const { value } = await worker.call(1, 'scale', array);
  t.deepEqual(value, new NumericArray(new Float32Array([2, 4, 6, 8]), [2, 2]));
});

test('requests are served at the same time', async (t) => {
  await using worker = await startSdkWorker();
  worker.request({ type: 'call', id: 1, method: 'until-cancelled', args: [] });
  t.like(await worker.call(2, 'add', 1, 1), { value: 2 });
  t.false(worker.hasAnswer(1));
});

test('context() is that of the request, also after an await', async (t) => {
  await using worker = await startSdkWorker();
  const answers = await Promise.all([worker.call(7, 'who'), worker.call(8, 'who')]);
  t.deepEqual(
    answers.map(({ value }) => value),
    [7, 8].map((id) => ({ id, method: 'who', aborted: false })),
  );
});

test('context() has the trace of the request, if it has one', async (t) => {
  await using worker = await startSdkWorker();
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' };
  worker.request({ type: 'call', id: 1, method: 'trace', args: [], trace });
  t.deepEqual((await worker.answer(1)).value, trace);
  t.is((await worker.call(2, 'trace')).value, null);
});

test('an error of a handler has its type, message and traceback', async (t) => {
  await using worker = await startSdkWorker();
  const { type, error } = await worker.call(1, 'fail');
  t.is(type, 'error');
  t.like(error, { code: 'handler_failed', type: 'RangeError', message: 'too far' });
  t.regex((error as { traceback: string }).traceback, /worker\.mjs/);
  t.like(await worker.call(2, 'fail-text'), {
    error: { code: 'handler_failed', type: 'string', message: 'just text' },
  });
});

for (const [method, code, message] of [
  ['missing', 'unknown_method', /'missing'.*echo/],
  ['unserializable', 'unserializable', /value\.rows\[0\]/],
  ['too-large', 'too_large', /header/],
] as const) {
  test(`a request can fail with the code ${code}, and the worker goes on`, async (t) => {
    await using worker = await startSdkWorker();
    const { error } = (await worker.call(1, method)) as { error: { code: string; message: string } };
    t.is(error.code, code);
    t.regex(error.message, message);
    t.like(await worker.call(2, 'add', 1, 1), { value: 2 });
  });
}

test('log lines have a level and fields, and never fail', async (t) => {
  await using worker = await startSdkWorker();
  await worker.call(1, 'log');
  t.deepEqual(await worker.message('log', { level: 'info' }), {
    type: 'log',
    level: 'info',
    message: 'plain',
  });
  t.like(await worker.message('log', { level: 'warn' }), { fields: { ms: 1 } });
  const { message } = await worker.message('log', { level: 'error' });
  t.regex(message as string, /^x{10000}$/);
  const { fields } = await worker.message('log', { message: 'bad fields' });
  t.regex((fields as { unsent: string }).unsent, /BigInt/);
});

test('what a worker prints goes to stdout, and nowhere else', async (t) => {
  await using worker = await startSdkWorker();
  let printed = '';
  worker.child.stdout?.on('data', (text) => {
    printed += text;
  });
  t.like(await worker.call(1, 'print', 'hello'), { value: 'printed' });
  await worker.call(2, 'echo');
  worker.tell({ type: 'drain' });
  await worker.exited();
  t.is(printed, 'hello\n');
});

test('what consoles, descriptors and children print is not the protocol', async (t) => {
  await using worker = await startSdkWorker();
  let printed = '';
  worker.child.stdout?.on('data', (text) => {
    printed += text;
  });
  t.like(await worker.call(1, 'print-all'), { value: 'printed' });
  worker.tell({ type: 'drain' });
  t.deepEqual(await worker.exited(), { code: 0, signal: null });
  t.deepEqual(printed.split('\n').sort(), ['', 'from a child', 'from a descriptor', 'from console.log']);
  t.is(worker.stderr, 'from console.error\n');
});
