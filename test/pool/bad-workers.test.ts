import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Pool, type PoolOptions, type ProcguardError } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { temporaryFolder } from './pools.js';

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
    'another protocol version',
    program(`${say(hello.replace('"protocol":1', '"protocol":2'))}time.sleep(60)`),
    'ERR_PROCGUARD_PROTOCOL',
    /version 2/,
  ],
  [
    'a hello without handlers',
    program(`${say('{"type":"hello","protocol":1}')}time.sleep(60)`),
    'ERR_PROCGUARD_PROTOCOL',
    /handlers/,
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

const afterReady: [string, string][] = [
  ['garbage on data', 'os.write(4, b"\\xff" * 64)'],
  ['a header over the limit', 'os.write(4, b"\\x7f\\xff\\xff\\xff\\0\\0\\0\\0")'],
  ['a header that is not JSON', 'os.write(4, b"\\0\\0\\0\\2\\0\\0\\0\\0ab")'],
  ['a header that is not an object', 'os.write(4, b"\\0\\0\\0\\2\\0\\0\\0\\0[]")'],
  [
    'an answer that nobody asked for',
    'h=b\'{"type":"result","id":99}\'; os.write(4, bytes([0,0,0,len(h),0,0,0,0])+h)',
  ],
  ['garbage on control, later', 'os.write(3, b"oops\\n")'],
];

for (const [name, attack] of afterReady) {
  test(`${name}: rejects what the worker had, and the pool stays up`, async (t) => {
    const error = await failure(program(`${say(hello)}os.read(4, 100)\n${attack}\ntime.sleep(60)`));
    t.is(error.code, 'ERR_PROCGUARD_WORKER_DIED');
    t.is((error.cause as ProcguardError).code, 'ERR_PROCGUARD_PROTOCOL');
  });
}

test("a frame that was cut off by its worker's death rejects the call", async (t) => {
  const error = await failure(
    program(`${say(hello)}os.read(4, 100)\nos.write(4, b"\\0\\0\\0\\x40\\0\\0\\0\\0{")\nos._exit(3)`),
  );
  t.like(error, { code: 'ERR_PROCGUARD_WORKER_DIED', exitCode: 3 });
});
