import * as node from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import * as procguard from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { fixture } from '../helpers/fixtures.js';
import { Lifelines } from '../helpers/lifelines.js';

const describe = fixture('windows/describe.mjs');

interface Outcome {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  error: { code: unknown; errno: unknown; syscall: unknown; path: unknown } | undefined;
}

async function outcomeOf(start: () => node.ChildProcess): Promise<Outcome> {
  let child: node.ChildProcess;
  try {
    child = start();
  } catch (thrown) {
    const { code, errno, syscall, path } = thrown as NodeJS.ErrnoException;
    return { code: null, signal: null, stdout: '', stderr: '', error: { code, errno, syscall, path } };
  }
  let error: Outcome['error'];
  child.on('error', ({ code, errno, syscall, path }: NodeJS.ErrnoException) => {
    error = { code, errno, syscall, path };
  });
  // Not once(), which an 'error' would reject.
  const closed = new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...end) => resolve(end));
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk;
  });
  const [code, signal] = await within(closed, 'the child to end');
  return { code, signal, stdout, stderr, error };
}

/** Both do the same, and so does what they return. */
async function sameAsNode(
  t: ExecutionContext,
  start: (from: typeof node) => node.ChildProcess,
): Promise<Outcome> {
  const [expected, actual] = await Promise.all([
    outcomeOf(() => start(node)),
    outcomeOf(() => start(procguard as unknown as typeof node)),
  ]);
  t.deepEqual(actual, expected);
  return actual;
}

const ARGUMENTS = [
  'plain',
  '',
  'a b',
  'tab\there',
  '"',
  'a"b',
  '\\',
  'a\\',
  'a b\\',
  'a\\"b',
  'a\\\\"b c\\\\',
  '%PATH%',
  '^&|<>',
  'ä€😀',
  "'",
];

test.serial('arguments arrive as they were given', async (t) => {
  const { stdout } = await sameAsNode(t, ({ spawn }) =>
    spawn(process.execPath, [describe, ...ARGUMENTS], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  t.deepEqual(JSON.parse(stdout).argv, ARGUMENTS);
});

test.serial('windowsVerbatimArguments leaves the quoting to the caller', async (t) => {
  const { stdout } = await sameAsNode(t, ({ spawn }) =>
    spawn(process.execPath, [describe, 'a b', '"c d"'], { windowsVerbatimArguments: true }),
  );
  t.deepEqual(JSON.parse(stdout).argv, ['a', 'b', 'c d']);
});

const ENVIRONMENTS: [string, NodeJS.ProcessEnv | undefined][] = [
  ['none given', undefined],
  ['an empty one', {}],
  ['one in disorder', { zebra: '1', Alpha: '2', _under: '3', empty: '', path: 'C:\\nowhere', ümlaut: 'ä' }],
];

for (const [name, env] of ENVIRONMENTS) {
  test.serial(`the environment is Node's: ${name}`, async (t) => {
    await sameAsNode(t, ({ spawn }) => spawn(process.execPath, [describe], { env }));
  });
}

test.serial('a directory is the one that was given', async (t) => {
  const { stdout } = await sameAsNode(t, ({ spawn }) =>
    spawn(process.execPath, [describe], { cwd: os.tmpdir() }),
  );
  t.is(JSON.parse(stdout).cwd.toLowerCase(), os.tmpdir().toLowerCase());
});

for (const file of ['node', 'node.exe', 'NODE', 'cmd', '.\\node', 'sub\\node', 'node.com', 'node.', '']) {
  test.serial(`a program is found where Node finds it: '${file}'`, async (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard-path-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(path.join(folder, 'sub'));
    for (const target of ['node.exe', 'sub\\node.exe'])
      copyFileSync(fixture('../../dist/test/fixtures/life.exe'), path.join(folder, target));
    const PATH = `;"${folder}";${process.env.PATH}`;
    await sameAsNode(t, ({ spawn }) => spawn(file, ['/c', 'exit 4'], { cwd: folder, env: { PATH } }));
    await sameAsNode(t, ({ spawn }) => spawn(file, ['/c', 'exit 4'], { env: { PATH } }));
  });
}

test.serial('half a surrogate pair arrives as with Node', async (t) => {
  const args = [describe, '\ud83d', 'a\ude00b', '\ud83d\ude00'];
  await sameAsNode(t, ({ spawn }) =>
    spawn(process.execPath, args, { env: { ...process.env, HALF: '\ud83d' } }),
  );
});

test.serial('a command line that is too long for Windows is the error that it is with Node', async (t) => {
  await sameAsNode(t, ({ spawn }) => spawn(process.execPath, ['-p', '1', 'x'.repeat(40_000)]));
});

test.serial('PATHEXT counts for nothing, as with Node: a batch file needs a shell', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard-path-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, 'batch-only.cmd'), '@exit /b 4');
  const options = { cwd: folder, env: { ...process.env, PATHEXT: '.CMD' } };
  const { error } = await sameAsNode(t, ({ spawn }) => spawn('batch-only', [], options));
  t.is(error?.code, 'ENOENT');
  const { code } = await sameAsNode(t, ({ spawn }) => spawn('batch-only', [], { ...options, shell: true }));
  t.is(code, 4);
});

test.serial('a directory of more than 260 characters is one, as with Node from 22 on', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard-long-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const cwd = path.join(folder, ...Array.from({ length: 6 }, () => 'directory'.repeat(6)));
  mkdirSync(cwd, { recursive: true });
  const start = ({ spawn }: typeof node) => spawn(process.execPath, ['-p', '1'], { cwd });
  if (Number.parseInt(process.versions.node, 10) >= 22) await sameAsNode(t, start);
  t.is((await outcomeOf(() => start(procguard as unknown as typeof node))).code, 0);
});

for (const [file, options] of [
  ['nonexistent', {}],
  ['C:\\nowhere\\nonexistent.exe', {}],
  [process.execPath, { cwd: 'C:\\nowhere' }],
  ['batch.cmd', {}],
  ['C:\\batch.BAT', {}],
  [process.execPath, { uid: 1 }],
  [process.execPath, { gid: 1 }],
  [fixture('windows/describe.mjs'), {}],
] as [string, node.SpawnOptions][]) {
  test.serial(`an error is Node's: ${file} ${JSON.stringify(options)}`, async (t) => {
    const { error } = await sameAsNode(t, ({ spawn }) => spawn(file, [], options));
    t.truthy(error);
  });
}

test.serial('a shell, a timeout and an exit code are what they are with Node', async (t) => {
  await sameAsNode(t, ({ exec }) => exec('echo "a b" & exit 3'));
  await sameAsNode(t, ({ spawn }) => spawn('echo', ['%OS%', '"x y"'], { shell: true }));
  await sameAsNode(t, ({ spawn }) => spawn(process.execPath, ['-e', 'process.exit(4294967295)']));
  await sameAsNode(t, ({ execFile }) =>
    execFile(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { timeout: 300 }),
  );
});

for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGBREAK'] as const) {
  test.serial(`${signal} ends a child, and is reported, as with Node`, async (t) => {
    const start = ({ spawn }: typeof node) => {
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      child.once('spawn', () => t.true(child.kill(signal)));
      child.once('exit', () => t.false(child.kill(signal)));
      return child;
    };
    await sameAsNode(t, start);
  });
}

for (const options of [{ detached: true }, { windowsHide: true }, { windowsHide: true, detached: true }]) {
  test.serial(`a child with ${JSON.stringify(options)} is guarded, and is the same otherwise`, async (t) => {
    await sameAsNode(t, ({ spawn }) => spawn(process.execPath, [describe], options));
    const child = procguard.spawn(process.execPath, [describe], { ...options, stdio: 'ignore' });
    t.is(procguard.guardOf(child).link, 'job-object');
    await once(child, 'exit');
  });
}

test.serial('descriptors 3 and up are the same in the child, each way', async (t) => {
  const program =
    'const fs=require("fs");fs.writeSync(4,"on four");const b=Buffer.alloc(9);fs.readSync(3,b);fs.writeSync(6,String(b))';
  const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard-fd-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'six');
  const fd = openSync(file, 'w');
  const child = procguard.spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe', 'ignore', fd],
  });
  closeSync(fd);
  const ended = once(child, 'exit');
  const [, , , three, four] = child.stdio as unknown as [
    null,
    null,
    null,
    NodeJS.WritableStream,
    NodeJS.ReadableStream,
  ];
  three.end('for three');
  t.is(await text(four), 'on four');
  t.deepEqual(await ended, [0, null]);
  t.is(readFileSync(file, 'utf8'), 'for three');
});

test.serial('descriptors 3 and 4 are those of a C runtime, as Python has one', async (t) => {
  await using lifelines = await Lifelines.open();
  const child = procguard.spawn(lifelines.program, lifelines.arguments('child', 'copy'), {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const [, , , three, four] = child.stdio as unknown as [null, null, null, Writable, Readable];
  three.write('from three');
  t.is(String((await within(once(four, 'data'), 'the copy'))[0]), 'from three');
  (await lifelines.take('child')).exit(0);
  await once(child, 'exit');
});

test.serial('one descriptor may be given several times', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard-fd-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'all');
  const fd = openSync(file, 'w');
  const script = 'for (const fd of [1, 2, 3]) require("fs").writeSync(fd, String(fd))';
  const child = procguard.spawn(process.execPath, ['-e', script], { stdio: ['ignore', fd, fd, fd] });
  closeSync(fd);
  t.deepEqual(await once(child, 'exit'), [0, null]);
  t.is(readFileSync(file, 'utf8'), '123');
});

test.serial('a hundred children leave no handle open in the host', async (t) => {
  await using lifelines = await Lifelines.open();
  async function countHandles(): Promise<number> {
    const args = lifelines.arguments('counter', `handles:${process.pid}`);
    const counter = node.spawn(lifelines.program, args, { stdio: 'ignore' });
    const life = await lifelines.take('counter');
    const line = await life.line((text) => text.startsWith('handles '), 'its handles');
    const count = Number(line.split(' ')[1]);
    const ended = once(counter, 'exit');
    life.exit(0);
    await ended;
    return count;
  }
  async function startOne(): Promise<void> {
    const child = procguard.spawn('cmd', ['/c', 'exit 0'], { stdio: ['pipe', 'pipe', 'pipe', 'overlapped'] });
    for (const stream of child.stdio) (stream as Readable | null)?.resume?.();
    await within(once(child, 'close'), 'the child to close');
    const missing = procguard.spawn('no-such-program', [], { stdio: 'pipe' });
    await once(missing, 'error');
  }
  await startOne();
  const before = await countHandles();
  for (let i = 0; i < 100; i++) await startOne();
  await new Promise((resolve) => setImmediate(resolve));
  const after = await countHandles();
  t.log(`${before} handles before, ${after} after`);
  t.true(before > 0 && after - before < 50);
});

test.serial('an overlapped pipe carries both ways at the same time', async (t) => {
  const program = 'const s=new (require("net").Socket)({fd:3});s.pipe(s)';
  const child = procguard.spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'overlapped'],
  });
  const ended = once(child, 'exit');
  const channel = child.stdio[3] as unknown as NodeJS.ReadWriteStream;
  const sent = 'x'.repeat(1_000_000);
  channel.end(sent);
  t.is((await within(text(channel), 'the echo')).length, sent.length);
  await ended;
});

test.serial('a listening socket of the host is not kept open by a child', async (t) => {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const child = procguard.spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  t.teardown(() => child.kill());
  server.close();
  // The port is free although the child runs.
  const [error] = await once(connect(port, '127.0.0.1'), 'error');
  t.is(error.code, 'ECONNREFUSED');
});

test.serial('nothing of a guarded child is left in the event loop after its end', async (t) => {
  const handles = () => {
    const { libuv } = process.report.getReport() as unknown as { libuv: { type: string }[] };
    return libuv.map(({ type }) => type).filter((type) => type === 'process' || type === 'pipe').length;
  };
  const before = handles();
  for (let i = 0; i < 10; i++) {
    const child = procguard.spawn('cmd', ['/c', 'exit 0'], { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    for (const stream of child.stdio) (stream as NodeJS.ReadableStream | null)?.resume?.();
    await within(once(child, 'close'), 'the child to close');
  }
  // libuv closes a pipe when Windows has told it of what was under way there.
  await t.notThrowsAsync(until(() => handles() <= before || undefined, 'their handles to be closed'));
});

test.serial(
  'a stream of the host as stdio is handed on by Node, and the child put under guard after its start',
  async (t) => {
    const pipe = `\\\\.\\pipe\\procguard-stream-${process.pid}`;
    const server = createServer().listen(pipe);
    await once(server, 'listening');
    const arrival = once(server, 'connection');
    const stream = connect(pipe);
    await once(stream, 'connect');
    const [received] = await arrival;
    const child = procguard.spawn(process.execPath, ['-e', 'console.log("through")'], {
      stdio: ['ignore', stream, 'inherit'],
    });
    const { link, downgrades } = procguard.guardOf(child);
    t.is(link, 'job-object');
    t.deepEqual(
      downgrades.map(({ code }) => code),
      ['job_assigned_late'],
    );
    await once(child, 'exit');
    stream.destroy();
    t.is(await text(received), 'through\n');
    server.close();
  },
);
