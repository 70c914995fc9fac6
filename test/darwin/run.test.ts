import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { addon } from '../../lib/guard/binding.js';
import { procguard, runCommand } from '../cli/cli.js';
import { within } from '../helpers/deadline.js';
import { fixture } from '../helpers/fixtures.js';
import { type Life, Lifelines } from '../helpers/lifelines.js';
import { isRunning, readStat } from '../helpers/proc.js';
import { allAnswer, allGone, LAYERS } from '../helpers/tree.js';

function start(
  command: readonly string[],
  options: SpawnOptions = {},
  runOptions: string[] = [],
): ChildProcess {
  const [file, ...args] = runCommand(runOptions, command);
  return spawn(file as string, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
}

const ended = (child: ChildProcess) => within(once(child, 'exit'), 'procguard run to end');
// `procguard run` as it is on macOS; test/cli has that of Linux.
const isDarwin = addon().darwin !== undefined;
if (!isDarwin) console.warn('The addon is not that of macOS: npm run test:darwin runs these tests with it');
const run = isDarwin ? test.serial : test.serial.skip;

const node = (script: string) => [process.execPath, '-e', script];

for (const code of [0, 3, 255]) {
  run(`R7.2 procguard run ends with the exit code of its command: ${code}`, async (t) => {
    t.deepEqual(await ended(start(node(`process.exit(${code})`))), [code, null]);
  });
}

for (const signal of ['SIGTERM', 'SIGKILL', 'SIGSEGV', 'SIGINT', 'SIGUSR1', 'SIGPIPE'] as const) {
  run(`R7.2 procguard run dies by the signal that its command dies by: ${signal}`, async (t) => {
    t.deepEqual(await ended(start(['sh', '-c', `kill -s ${signal.slice(3)} $$`])), [null, signal]);
  });
}

run('a command that is not there is told by 127, and one that is no program by 126', async (t) => {
  t.like(await procguard(['run', 'no-such-command']), {
    exitCode: 127,
    stdout: '',
    stderr: 'procguard: no-such-command: not found',
  });
  t.is((await procguard(['run', '/etc/passwd'])).exitCode, 126);
});

run('the streams of procguard run are those of its command, descriptors 3 and up too', async (t) => {
  const script = 'process.stdin.pipe(process.stdout); console.error("two"); fs.writeSync(4, "four")';
  const child = start(node(script), { stdio: ['pipe', 'pipe', 'pipe', 'ignore', 'pipe'] });
  child.stdin?.end('one');
  const streams = [child.stdout, child.stderr, child.stdio[4]] as NodeJS.ReadableStream[];
  t.deepEqual(await within(Promise.all(streams.map(text)), 'the streams to end'), ['one', 'two\n', 'four']);
});

run('a command has the descriptors that it has without procguard run, and none of Node', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard-run-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'file'), '');
  // A file, one end of a pipe whose other end is stdin, and both ends of a pipe, which Node has of its own, too.
  const launcher = [
    'import os, subprocess, sys',
    'both = os.pipe()',
    `file = os.open(${JSON.stringify(path.join(folder, 'file'))}, os.O_RDONLY)`,
    'sys.exit(subprocess.run(sys.argv[1:], pass_fds=(*both, file)).returncode)',
  ].join('\n');
  const list =
    'const { fstatSync } = fs; const open = []; for (let fd = 3; fd < 64; fd++) try { const s = fstatSync(fd);';
  const kinds = `${list} if (s.isFile() || s.isFIFO()) open.push(fd) } catch {} console.log(open.length)`;
  const countOf = async (command: readonly string[]) => {
    const child = spawn('python3', ['-c', launcher, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
    return Number(await within(text(child.stdout), 'a count of descriptors'));
  };
  const plain = await countOf(node(kinds));
  t.true(plain >= 3);
  t.is(await countOf(runCommand([], node(kinds))), plain);
});

run('whoever reads the output sees its end when the command closes it', async (t) => {
  const child = start(['sh', '-c', 'exec >&- 2>&-; read line']);
  child.stdout?.resume();
  child.stderr?.resume();
  const ends = [child.stdout, child.stderr].map((stream) => once(stream as NodeJS.ReadableStream, 'end'));
  await within(Promise.all(ends), 'both outputs to end');
  t.is(child.exitCode, null);
  child.stdin?.end('\n');
  await ended(child);
});

run('signals that procguard run is sent come to the command, once', async (t) => {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGWINCH'] as const;
  const script = `for (const s of ${JSON.stringify(signals)}) process.on(s, () => console.log(s)); console.log("ready"); process.stdin.resume()`;
  // In a session of its own it has no terminal, wherever the tests run.
  const child = start(node(script), { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const output = child.stdout as NodeJS.ReadableStream;
  await within(once(output, 'data'), 'the command to start');
  for (const signal of signals) {
    child.kill(signal);
    const [line] = await within(once(output, 'data'), `the command to get ${signal}`);
    t.is(String(line), `${signal}\n`);
  }
  child.stdin?.end();
  t.deepEqual(await ended(child), [0, null]);
});

async function startTree(lifelines: Lifelines, runOptions: string[] = [], words: string[] = []) {
  const [child, ...descendants] = LAYERS;
  const command = [lifelines.program, ...lifelines.arguments(child, ...descendants, ...words)];
  // A shell that stays is the parent of procguard run.
  const parent = spawn('sh', ['-c', '"$@"; exit 9', 'sh', ...runCommand(runOptions, command)], {
    stdio: 'ignore',
  });
  return { parent, lives: await lifelines.takeAll(LAYERS) };
}

run('R7.2 the command dies with its whole tree when the parent of procguard run is killed', async (t) => {
  await using lifelines = await Lifelines.open();
  const { parent, lives } = await startTree(lifelines);
  await allAnswer(lives);
  parent.kill('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

run('R7.2 the command dies with its whole tree when procguard run is killed', async (t) => {
  await using lifelines = await Lifelines.open();
  const { lives } = await startTree(lifelines);
  await allAnswer(lives);
  process.kill(lives[0]?.ppid as number, 'SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

// The stand-in can't tell who has made an orphan, unless it is told.
run(
  'a command is not started when the parent of procguard run is gone before Node has started',
  async (t) => {
    const orphan = spawn('sh', ['-c', '"$@" 2>&1 & exit 0', 'sh', ...runCommand([], ['echo', 'started'])], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PROCGUARD_SHIM_MAKER: '1' },
    });
    const output = await within(text(orphan.stdout), 'procguard run to end');
    t.regex(output, /^procguard: The process that has started procguard is gone/);
  },
);

run('control: without procguard run, the tree survives its parent', async (t) => {
  await using lifelines = await Lifelines.open();
  const [child, ...descendants] = LAYERS;
  const command = [lifelines.program, ...lifelines.arguments(child, ...descendants)];
  const parent = spawn('sh', ['-c', '"$@"; exit 9', 'sh', ...command], { stdio: 'ignore' });
  const lives = await lifelines.takeAll(LAYERS);
  const exited = once(parent, 'exit');
  parent.kill('SIGKILL');
  await exited;
  await t.notThrowsAsync(allAnswer(lives));
});

run('with --grace, the tree of a dead parent is told by SIGTERM and has that much time', async (t) => {
  await using lifelines = await Lifelines.open();
  const { parent, lives } = await startTree(lifelines, ['--grace', '2s'], ['term-told']);
  const killedAt = performance.now();
  parent.kill('SIGKILL');
  await Promise.all(lives.map((life) => life.says('sigterm')));
  const ends = await Promise.all(lives.map((life) => life.gone()));
  t.true(Math.min(...ends) - killedAt >= 2000);
});

for (const grace of [undefined, '10s']) {
  const told = grace === undefined ? '' : ', and is told by SIGTERM where there is a grace';
  run(`R7.2 what the command leaves behind is gone before procguard run is${told}`, async (t) => {
    await using lifelines = await Lifelines.open();
    const { parent, lives } = await startTree(
      lifelines,
      grace === undefined ? [] : ['--grace', grace],
      grace === undefined ? [] : ['term-told'],
    );
    const [command, ...rest] = lives as [Life, ...Life[]];
    const starts = rest.map(({ pid }) => readStat(pid)?.startTicks as string);
    const exited = ended(parent);
    command.exit(0);
    if (grace !== undefined) {
      await Promise.all(rest.map((life) => life.says('sigterm')));
      for (const life of rest) life.exit(0);
    }
    await exited;
    for (const [index, { pid }] of rest.entries()) t.false(isRunning(pid, starts[index] as string));
    await allGone(rest);
  });
}

run('Ctrl-C, Ctrl-Z, fg, bg and reading from the terminal are as without procguard run', async (t) => {
  const child = spawn('python3', [fixture('terminal.py'), ...runCommand([], [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const seen = await within(text(child.stdout), 'the keys to be pressed', 120_000);
  t.is(seen, 'interrupted stopped continued read piped\n');
});

run('doctor looks at the keeper, and says what a missing one means', async (t) => {
  const { exitCode, stdout } = await procguard(['doctor', '--json']);
  t.is(exitCode, 0);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string }[] };
  t.deepEqual(
    checks.map(({ name }) => name),
    ['platform', 'node', 'addon', 'child', 'keeper', 'orphans', 'python'],
  );
  const weak = await procguard(['doctor', '--json'], { env: { PROCGUARD_DISABLE: 'keeper' } });
  t.is(weak.exitCode, 1);
  const missing = (JSON.parse(weak.stdout) as { checks: typeof checks }).checks.filter(
    ({ state }) => state === 'missing',
  );
  t.deepEqual(
    missing.map(({ name }) => name),
    ['child', 'keeper'],
  );
});

run('without a keeper, procguard run says what is not guarded', async (t) => {
  const { exitCode, stderr } = await procguard(['run', 'true'], { env: { PROCGUARD_DISABLE: 'keeper' } });
  t.is(exitCode, 0);
  t.regex(stderr, /^procguard: .*The command is not guarded\.$/);
});
