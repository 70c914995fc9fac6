import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Pool, type PoolOptions, type ProcguardError, WorkerDiedError } from '../../lib/index.js';
import type { WireError, WireErrorCode } from '../../lib/wire/wire-error.js';
import { DEADLINE_MS, until, within } from '../helpers/deadline.js';
import { startPool, type TestPool, temporaryFolder } from './pools.js';

const hello = '{"type":"hello","protocol":1,"sdk":"test","pid":1,"handlers":["x"]}';
const say = (text: string) => `import os,time\nos.write(3, ${JSON.stringify(`${text}\n`)}.encode())\n`;

/** What a call to a pool of this worker is rejected with. */
async function failure(options: Partial<PoolOptions>): Promise<ProcguardError> {
  const pool = new Pool({ command: 'python3', size: 1, onOutput: () => {}, ...options });
  try {
    return await within(
      pool.call('x').then(
        () => Promise.reject(new Error('It was answered')),
        (error) => error,
      ),
      'the call to be rejected',
    );
  } finally {
    await pool.close({ graceMs: 0 });
  }
}

const program = (text: string): Partial<PoolOptions> => ({ args: ['-c', text] });

const neverReady: [string, Partial<PoolOptions>, string, RegExp][] = [
  [
    'a command that does not exist',
    { command: '/nonexistent/python' },
    'ERR_PROCGUARD_START_FAILED',
    /no command/,
  ],
  [
    'a worker that never says hello',
    { ...program('import time; time.sleep(60)'), startTimeoutMs: 200 },
    'ERR_PROCGUARD_START_TIMEOUT',
    /did not say hello within 200 ms/,
  ],
  [
    'a worker that exits at once',
    program('raise SystemExit("no model file")'),
    'ERR_PROCGUARD_START_FAILED',
    /exited with code 1[\s\S]*no model file/,
  ],
  [
    'a program that is no worker',
    program('print("done")'),
    'ERR_PROCGUARD_START_FAILED',
    /ended without saying hello: it exited with code 0\. Does it call procguard\.serve\(\) \(in Node, serve\(\)\), or speak docs\/protocol\.md\?$/,
  ],
  [
    'another protocol version',
    program(`${say(hello.replace('"protocol":1', '"protocol":2'))}time.sleep(60)`),
    'ERR_PROCGUARD_PROTOCOL',
    /version 2/,
  ],
  [
    'a hello without handlers',
    program(`${say('{"type":"hello","protocol":1,"sdk":"t","pid":1}')}time.sleep(60)`),
    'ERR_PROCGUARD_PROTOCOL',
    /handlers/,
  ],
  [
    'a hello with a wrong field',
    program(`${say(hello.replace('"pid":1', '"pid":"1"'))}time.sleep(60)`),
    'ERR_PROCGUARD_PROTOCOL',
    /pid "1"/,
  ],
  [
    'a worker that closes control',
    program('import os,time\nos.close(3)\ntime.sleep(60)'),
    'ERR_PROCGUARD_PROTOCOL',
    /closed its control channel/,
  ],
  [
    'garbage on control',
    program(`${say('Traceback (most recent call last)')}time.sleep(60)`),
    'ERR_PROCGUARD_PROTOCOL',
    /./,
  ],
  [
    'an endless line on control',
    program('import os,time\nos.write(3, b"x" * 100000)\ntime.sleep(60)'),
    'ERR_PROCGUARD_PROTOCOL',
    /./,
  ],
];

for (const [name, options, code, message] of neverReady) {
  test(`${name}: the pool fails after three tries, and says why`, async (t) => {
    const error = await failure(options);
    t.is(error.code, 'ERR_PROCGUARD_POOL_FAILED');
    t.is((error.cause as ProcguardError).code, code);
    t.regex(error.message, message);
  });
}

test('a script with a syntax error: the pool fails and shows the line', async (t) => {
  const script = join(temporaryFolder(t), 'broken.py');
  writeFileSync(script, 'def broken(:\n');
  const error = await failure({ args: [script] });
  t.regex(error.message, /SyntaxError/);
});

const send =
  'def send(h, b=b""): os.write(4, len(h).to_bytes(4, "big") + len(b).to_bytes(4, "big") + h + b)\n';
const hear = (type: string) => `while b"${type}" not in os.read(3, 1000): pass`;
const result = (id: number) => `send(b'{"type":"result","id":${id},"value":1}')`;

const afterReady: [name: string, attack: string, code: WireErrorCode, message: RegExp][] = [
  ['garbage on data', 'os.write(4, b"\\xff" * 64)', 'header_too_large', /4294967295 bytes/],
  ['a header over the limit', 'os.write(4, b"\\4\\0\\0\\1\\0\\0\\0\\0")', 'header_too_large', /67108865/],
  ['a body over the limit', 'os.write(4, b"\\0\\0\\0\\2\\x40\\0\\0\\1")', 'body_too_large', /1073741825/],
  ['a header that is too short', 'send(b"x")', 'header_too_small', /1 bytes/],
  ['a header that is not JSON', 'send(b"ab")', 'not_json', /Expected JSON/],
  ['a header that is not an object', 'send(b"[]")', 'not_object', /Expected a JSON object/],
  ['a header of 101 levels', 'send(b\'{"a":\' + b"[" * 100 + b"]" * 100 + b"}")', 'too_deep', /100 levels/],
  ['parts that are not the body', 'send(b\'{"parts":[2]}\', b"x")', 'parts_mismatch', /2 bytes.*1/],
  ['an unknown type of answer', 'send(b\'{"type":"progress","id":1}\')', 'malformed', /type "progress"/],
  ['an answer without id', 'send(b\'{"type":"result","value":1}\')', 'malformed', /id undefined/],
  ['a result without value', 'send(b\'{"type":"result","id":1}\')', 'malformed', /value undefined/],
  ['an error that is text', 'send(b\'{"type":"error","id":1,"error":"no"}\')', 'malformed', /error "no"/],
  [
    'a value with a marker that nobody knows',
    'send(b\'{"type":"result","id":1,"marked":true,"value":{"$what":1}}\')',
    'bad_marker',
    /\$what/,
  ],
  ['an answer that nobody asked for', result(99), 'out_of_turn', /request 99, which it does not have/],
  ['an item of a call', 'send(b\'{"type":"item","id":1,"value":1}\')', 'out_of_turn', /item.*request 1/],
  ['the end of a call', 'send(b\'{"type":"end","id":1}\')', 'out_of_turn', /end.*request 1/],
  ['garbage on control, later', 'os.write(3, b"oops\\n")', 'not_json', /Expected JSON/],
  ['a print to control', 'print("loaded", file=os.fdopen(3, "w"), flush=True)', 'not_json', /Expected JSON/],
  ['a second hello', `os.write(3, ${JSON.stringify(`${hello}\n`)}.encode())`, 'out_of_turn', /second hello/],
  ['a pong without seq', 'os.write(3, b\'{"type":"pong"}\\n\')', 'malformed', /seq undefined/],
  [
    'a leaving message without last',
    'os.write(3, b\'{"type":"leaving"}\\n\')',
    'malformed',
    /last undefined/,
  ],
  ['leaving twice', 'os.write(3, b\'{"type":"leaving","last":1}\\n\' * 2)', 'out_of_turn', /second time/],
  [
    'a log message of a number',
    'os.write(3, b\'{"type":"log","level":"info","message":1}\\n\')',
    'malformed',
    /1/,
  ],
  ['a line over 64 KiB', 'os.write(3, b"[" * 65536)', 'line_too_long', /65536/],
  [
    'an end of data within a frame',
    'os.write(4, b"\\0\\0\\0\\5\\0"); os.close(4)',
    'truncated',
    /within a frame/,
  ],
  ['an end of control within a line', 'os.write(3, b"{"); os.close(3)', 'truncated', /within a line/],
  ['an end of data', 'os.close(4)', 'truncated', /closed its data channel/],
  ['an end of control', 'os.close(3)', 'truncated', /closed its control channel/],
];

for (const [name, attack, code, message] of afterReady) {
  test(`${name}: rejects what the worker had, says why, and the pool stays up`, async (t) => {
    const worker = startOnceBroken(t, `os.read(4, 1000)\n${attack}`);
    const error = await t.throwsAsync(within(worker.pool.call('x'), 'the call to be rejected'), {
      instanceOf: WorkerDiedError,
    });
    t.is(error.code, 'ERR_PROCGUARD_PROTOCOL');
    t.regex(error.message, message);
    const protocol = error.cause as ProcguardError;
    t.is(protocol.code, 'ERR_PROCGUARD_PROTOCOL');
    t.is((protocol.cause as WireError).code, code);
    t.is(await within(worker.pool.call('x'), 'the next worker to answer'), 1);
    t.like(worker.pool.stats(), { inFlight: 0, queued: 0, succeeded: 1, rejected: 1 });
  });
}

test('what was cut off is told also where a write fails before the end is read', async (t) => {
  const folder = temporaryFolder(t);
  const [go, closed] = [join(folder, 'go'), join(folder, 'closed')];
  const closing = `${say(hello)}while not os.path.exists(${JSON.stringify(go)}): time.sleep(0.005)
os.write(4, b"{")
os.close(4)
open(${JSON.stringify(closed)}, "w").close()
time.sleep(60)`;
  const { pool } = startPool(t, program(closing));
  await pool.ready();
  writeFileSync(go, '');
  // This process reads nothing meanwhile.
  const endMs = performance.now() + DEADLINE_MS;
  while (!existsSync(closed) && performance.now() < endMs);
  const error = await within(t.throwsAsync(pool.call('x')), 'the call to be rejected');
  t.regex(error!.message, /within a frame/);
});

test('a worker that says that it leaves after it has closed its data channel is let go', async (t) => {
  const left = join(temporaryFolder(t), 'left');
  const leaving = `${say(hello)}if os.path.exists(${JSON.stringify(left)}): time.sleep(60)
os.close(4)
time.sleep(0.2)
os.write(3, b'{"type":"leaving","last":0}\\n')
time.sleep(1.3)
open(${JSON.stringify(left)}, "w").close()`;
  const { pool } = startPool(t, program(leaving));
  await pool.ready();
  await t.notThrowsAsync(until(() => (existsSync(left) ? true : undefined), 'the worker to end by itself'));
});

test('a worker that answers twice answers once', async (t) => {
  const { pool } = startOnceBroken(t, `os.read(4, 1000)\n${result(1)}; ${result(1)}`);
  t.is(await pool.call('x'), 1);
  t.is(await within(pool.call('x'), 'the next worker to answer'), 1);
  t.is(pool.stats().workers[0]?.restarts, 1);
});

for (const [name, answer, message] of [
  ['the result of a call', `send(b'{"type":"result","id":1,"value":1}')`, /result.*request 1/],
  ['more items than credit', `for n in range(33): send(b'{"type":"item","id":1,"value":1}')`, /credit/],
] as const) {
  test(`${name}, sent for a stream, is refused`, async (t) => {
    const { pool } = startOnceBroken(t, `os.read(4, 1000)\n${answer}`);
    const stream = pool.stream('x');
    await until(() => (pool.stats().rejected === 1 ? true : undefined), 'the stream to be rejected');
    const error = await t.throwsAsync(async () => {
      for await (const item of stream) t.is(item, 1);
    });
    t.like(error, { code: 'ERR_PROCGUARD_PROTOCOL' });
    t.regex((error as Error).message, message);
    t.is(await within(pool.call('x'), 'the next worker to answer'), 1);
  });
}

const leaving = `os.write(3, b'{"type":"leaving","last":0}\\n')`;

test('a worker that answers a request which it said it never began is ended, and the next answers', async (t) => {
  const worker = startOnceBroken(t, `os.read(4, 1000)\n${leaving}\n${hear('drain')}\n${result(1)}`);
  t.is(await within(worker.pool.call('x'), 'the next worker to answer'), 1);
  t.like(worker.pool.stats(), { inFlight: 0, queued: 0, succeeded: 1, rejected: 0 });
});

test('a worker that sent items of a request can not say that it never began it', async (t) => {
  const items = `for _ in range(16): send(b'{"type":"item","id":1,"value":1}')`;
  const { pool } = startOnceBroken(t, `os.read(4, 1000)\n${items}\n${hear('credit')}\n${leaving}`);
  const error = await t.throwsAsync(async () => {
    for await (const item of pool.stream('x')) t.is(item, 1);
  });
  t.like(error, { code: 'ERR_PROCGUARD_PROTOCOL' });
  t.regex((error as Error).message, /leaves after request 0, and had begun 1/);
});

/** A pool of a worker that breaks the protocol in its first life, and in the next answers each request with 1. */
function startOnceBroken(t: ExecutionContext, attack: string): TestPool {
  const flag = join(temporaryFolder(t), 'broken');
  const serve = `import json
while True:
  p = os.read(4, 8)
  h = json.loads(os.read(4, int.from_bytes(p[:4], "big")))
  send(json.dumps({"type": "result", "id": h["id"], "value": 1}).encode())
`;
  const life = `if os.path.exists(${JSON.stringify(flag)}):
${serve.replace(/^/gm, '  ')}
open(${JSON.stringify(flag)}, "w").close()
`;
  return startPool(t, {
    args: ['-c', `${say(hello)}${send}${life}${attack}\ntime.sleep(60)`],
  });
}

test("a frame that was cut off by its worker's death rejects the call", async (t) => {
  const error = await failure(
    program(`${say(hello)}os.read(4, 100)\nos.write(4, b"\\0\\0\\0\\x40\\0\\0\\0\\0{")\nos._exit(3)`),
  );
  t.like(error, { code: 'ERR_PROCGUARD_WORKER_DIED', exitCode: 3 });
});

for (const [what, options, message] of [
  [
    'command',
    { command: 'no-such-python' },
    /There is no command `no-such-python`\. Check the name and the PATH/,
  ],
  ['cwd', { cwd: '/nope' }, /There is no folder `\/nope`, which is the `cwd` of the pool\./],
  ['command with arguments', { command: 'python3 worker.py' }, /Arguments belong in `args`\./],
] as const) {
  test(`a start without its ${what} says so`, async (t) => {
    const { pool } = startPool(t, { ...options, restart: { maxFailedStarts: 1 } });
    const error = await t.throwsAsync(pool.ready(), { code: 'ERR_PROCGUARD_POOL_FAILED', message });
    t.regex(error.message, /^Workers of the pool failed to start, and it does not try again/);
  });
}
