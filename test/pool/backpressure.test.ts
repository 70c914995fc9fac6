import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import test from 'ava';
import { Pool, type PoolOptions, QueueFullError } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { privateBytes } from '../helpers/proc.js';
import { fixture, plainWorker, startPool, temporaryFolder } from './pools.js';

const MiB = 1024 * 1024;

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

/** Memory of buffers that are still referred to. */
function heldBytes(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

/** What the garbage collector finds is freed by another thread, which may take its time. */
async function holdsLessThan(bytes: number): Promise<void> {
  await until(
    () => (heldBytes() < bytes ? true : undefined),
    `this process to hold less than ${bytes / MiB} MiB`,
  );
}

const answering = `import json, os, time
os.write(3, b'{"type":"hello","protocol":1,"sdk":"t","pid":1,"handlers":["size"]}\\n')
data = open(4, "r+b", buffering=0)
def read(count):
    found = b""
    while len(found) < count:
        more = data.read(count - len(found))
        if not more: os._exit(0)
        found += more
    return found
def take():
    head = read(8)
    header = json.loads(read(int.from_bytes(head[:4], "big")))
    return header["id"], len(read(int.from_bytes(head[4:], "big")))
def answer(id, size):
    text = json.dumps({"type": "result", "id": id, "value": size}).encode()
    data.write(len(text).to_bytes(4, "big") + bytes(4) + text)
`;

/** Says hello, and reads its data channel only when the file exists; then it answers with the size of the body. */
const lazyReader = (gate: string) => `${answering}
while not os.path.exists(${JSON.stringify(gate)}): time.sleep(0.005)
while True: answer(*take())
`;

/** The first one takes a single request, answers it when the file `go` exists, and exits. Those that follow answer all of them. */
const leavingReader = (folder: string) => `${answering}
os.chdir(${JSON.stringify(folder)})
if not os.path.exists("taken"):
    first = take()
    open("taken", "w").close()
    while not os.path.exists("go"): time.sleep(0.005)
    answer(*first)
    os._exit(3)
while True: answer(*take())
`;

// One test at a time: they look at this process's memory.
test.serial(
  'calls of a worker that does not read wait in the queue, and are answered when it reads',
  async (t) => {
    const gate = join(temporaryFolder(t), 'gate');
    const { pool } = startPool(t, { args: ['-c', lazyReader(gate)], concurrency: 1000, maxQueue: 100 });
    await pool.ready();
    const before = heldBytes();
    const body = Buffer.alloc(MiB);
    const calls = Array.from({ length: 101 }, () => pool.call('size', [body]));
    t.like(pool.stats(), { inFlight: 1, queued: 100 });
    await t.throwsAsync(pool.call('size', [body]), { instanceOf: QueueFullError });
    // Bodies are not copied.
    await holdsLessThan(before + 8 * MiB);
    writeFileSync(gate, '');
    t.deepEqual([...new Set(await within(Promise.all(calls), 'the answers'))], [MiB]);
  },
);

test.serial('calls go past a worker that does not read', async (t) => {
  const folder = temporaryFolder(t);
  const { pool } = startPool(t, {
    args: [
      '-c',
      `import os
try: os.mkdir(${JSON.stringify(join(folder, 'lazy'))})
except FileExistsError: open(${JSON.stringify(join(folder, 'gate'))} + str(os.getpid()), "w").close()
${lazyReader(join(folder, 'gate')).replace(/exists\((".*")\)/, 'exists($1 + str(os.getpid()))')}`,
    ],
    size: 2,
    concurrency: 1000,
  });
  await pool.ready();
  const body = Buffer.alloc(2 * MiB);
  const calls = Array.from({ length: 20 }, () => pool.call('size', [body]).catch(() => 'abandoned'));
  await until(() => (pool.stats().succeeded === 19 ? true : undefined), 'all but one of the answers');
  t.is(pool.stats().inFlight, 1);
  await pool.close({ graceMs: 0 });
  const answers = await Promise.all(calls);
  t.is(answers.filter((answer) => answer === 2 * MiB).length, 19);
  t.is(answers.filter((answer) => answer === 'abandoned').length, 1);
});

const workers: [string, Partial<PoolOptions>][] = [
  ['a generator in Python', {}],
  ['an async generator in Python', { args: [fixture('async_worker.py')] }],
  ['a generator in Node', { command: process.execPath, args: [fixture('node-worker.mjs')] }],
];

for (const [name, options] of workers) {
  test.serial(`${name} is held up by a slow reader, and needs no memory meanwhile`, async (t) => {
    const { pool } = startPool(t, options);
    const file = join(temporaryFolder(t), 'produced');
    const pid = await pool.call<number>('pid');
    const before = { worker: privateBytes(pid), host: heldBytes() };
    const stream = pool.stream<Buffer>('large_items', [file, MiB]);
    t.is((await stream.next()).value.length, MiB);
    const produced = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
    await until(() => (produced() >= 32 ? true : undefined), 'the credit to be used up');
    // Nothing to observe: what must not happen has no end.
    await sleep(200);
    t.true(produced() <= 33, `${produced()} items`);
    const worker = privateBytes(pid) - before.worker;
    t.true(worker < 48 * MiB, `the worker grew by ${worker / MiB} MiB`);
    await holdsLessThan(before.host + 40 * MiB);
    for (let n = 0; n < 100; n++) await stream.next();
    t.true(produced() <= 101 + 33);
    await stream.return?.();
    await holdsLessThan(before.host + 8 * MiB);
  });

  test.serial(
    `${name} is closed when its reader leaves the loop, and its worker is free again`,
    async (t) => {
      const { pool, lines, line } = startPool(t, options);
      const file = join(temporaryFolder(t), 'produced');
      const pid = await pool.call('pid');
      for await (const item of pool.stream<Buffer>('large_items', [file, 10])) {
        t.is(item.length, 10);
        break;
      }
      await within(line(/^closed$/), 'the generator to be closed');
      t.is(await within(pool.call('pid'), 'the worker to be free'), pid);
      await t.throwsAsync(
        async () => {
          for await (const item of pool.stream<Buffer>('large_items', [file, 10]))
            throw new Error(`${item.length}`);
        },
        { message: '10' },
      );
      t.is(await within(pool.call('pid'), 'the worker to be free'), pid);
      t.is(lines.filter(({ line }) => line === 'closed').length, 2);
      // Left before the first item.
      const unread = pool.stream('large_items', [file, 10]);
      await unread.return?.();
      t.deepEqual(await unread.next(), { done: true, value: undefined });
      t.is(await within(pool.call('pid'), 'the worker to be free'), pid);
      t.like(pool.stats(), { cancelled: 3, rejected: 0, inFlight: 0 });
    },
  );
}

test.serial('a worker that floods stdout and stderr disturbs neither its answer nor others', async (t) => {
  let count = 0;
  let bytes = 0;
  const { pool } = startPool(t, {
    size: 2,
    onOutput: ({ line }) => {
      count++;
      bytes += line.length;
    },
  });
  await pool.ready();
  const before = process.memoryUsage().rss;
  let isOver = false;
  const flood = pool.call('flood', [200_000, 'x'.repeat(100)]).then(() => {
    isOver = true;
  });
  let others = 0;
  for (; !isOver; others++) t.is(await pool.call('echo', [others]), others);
  await flood;
  t.true(others > 10, `${others} other calls`);
  const grown = process.memoryUsage().rss - before;
  t.true(grown < 150 * MiB, `the host grew by ${grown / MiB} MiB`);
  await pool.close();
  t.is(count, 400_000);
  t.is(bytes, 40_000_000);
});

test.serial('a line that never ends is handed on in pieces', async (t) => {
  let bytes = 0;
  let longest = 0;
  const { pool } = startPool(t, {
    onOutput: ({ line }) => {
      bytes += line.length;
      longest = Math.max(longest, line.length);
    },
  });
  await pool.call('print_endless_line', [32 * MiB]);
  await pool.close();
  t.is(bytes, 32 * MiB);
  t.is(longest, 16 * 1024);
});

test.serial('a worker that floods the log with messages does not hold its answers up', async (t) => {
  let count = 0;
  const { pool } = startPool(t, {
    args: [
      '-c',
      `import procguard
@procguard.handler
def flood():
  for n in range(20000): procguard.log.info("x" * 1000, n=n)
  return "flooded"
procguard.serve()`,
    ],
    onOutput: () => {
      count++;
    },
  });
  t.is(await within(pool.call('flood'), 'the answer'), 'flooded');
  await pool.close();
  t.is(count, 20_000);
});

test.serial('calls that were given up while they waited, or were answered, hold no memory', async (t) => {
  const { pool, line } = startPool(t);
  const gate = join(temporaryFolder(t), 'gate');
  const held = pool.call('wait_for', [gate]);
  await line(/^waiting$/);
  const before = heldBytes();
  for (let n = 0; n < 300; n++) {
    const abort = new AbortController();
    const call = pool.call('echo', [Buffer.alloc(MiB)], { signal: abort.signal });
    abort.abort();
    await t.throwsAsync(call, { any: true });
  }
  await holdsLessThan(before + 100 * MiB);
  const answered = Array.from({ length: 60 }, () => pool.call<Buffer>('echo', [Buffer.alloc(MiB)]));
  writeFileSync(gate, '');
  await held;
  for (const call of answered.splice(0)) t.is((await call).length, MiB);
  await holdsLessThan(before + 8 * MiB);
});

test('a pool that is never read from still closes', async (t) => {
  const pool = new Pool({ ...plainWorker, size: 1, onOutput: () => {} });
  const file = join(temporaryFolder(t), 'produced');
  const stream = pool.stream('large_items', [file, 10]);
  await until(() => (existsSync(file) ? true : undefined), 'the stream to begin');
  t.like(await within(pool.close({ graceMs: 50 }), 'the pool to close'), { survivors: 0, abandoned: 1 });
  await t.throwsAsync(
    async () => {
      for await (const item of stream) t.truthy(item);
    },
    { code: 'ERR_PROCGUARD_WORKER_DIED' },
  );
});

test.serial('a worker that ends while its channel is full takes along only what it was sent', async (t) => {
  const folder = temporaryFolder(t);
  const { pool } = startPool(t, { args: ['-c', leavingReader(folder)], concurrency: 8 });
  await pool.ready();
  const first = pool.call('size', []);
  await until(() => (existsSync(join(folder, 'taken')) ? true : undefined), 'the first request to be taken');
  const large = pool.call('size', [Buffer.alloc(5 * MiB)]);
  await until(() => (pool.stats().inFlight === 2 ? true : undefined), 'the large request to be sent');
  const others = Promise.all(Array.from({ length: 12 }, () => pool.call('size', [])));
  t.is(pool.stats().queued, 12);
  const lost = t.throwsAsync(large, { code: 'ERR_PROCGUARD_WORKER_DIED' });
  writeFileSync(join(folder, 'go'), '');
  t.is(await first, 0);
  await lost;
  t.deepEqual(await within(others, 'the answers'), Array(12).fill(0));
});
