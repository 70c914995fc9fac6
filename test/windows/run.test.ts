import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { until, within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, LAYERS } from '../helpers/tree.js';

const program = path.join(ROOT, 'bin/procguard.cjs');

function start(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
}

async function outcomeOf(args: readonly string[], options: SpawnOptions = {}) {
  const child = start(args, options);
  const [stdout, stderr, [code]] = await within(
    Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]),
    `procguard ${args[0]} to end`,
  );
  return { code, stdout, stderr };
}

const node = (script: string) => ['run', '--', process.execPath, '-e', script];

for (const code of [0, 3, 255, 0xc0000005]) {
  test.serial(`procguard run ends with the exit code of its command: ${code}`, async (t) => {
    t.is((await outcomeOf(node(`process.exit(${code})`))).code, code);
  });
}

test.serial('the streams of procguard run are those of its command, descriptors 3 and up too', async (t) => {
  const script = 'process.stdin.pipe(process.stdout); console.error("two"); fs.writeSync(4, "four")';
  const child = start(node(script), { stdio: ['pipe', 'pipe', 'pipe', 'ignore', 'pipe'] });
  child.stdin!.end('one');
  const streams = [child.stdout, child.stderr, child.stdio[4]] as NodeJS.ReadableStream[];
  t.deepEqual(await within(Promise.all(streams.map(text)), 'the streams to end'), ['one', 'two\n', 'four']);
});

test.serial(
  'a command that is not there is told by 127, and one that can not be executed by 126',
  async (t) => {
    t.like(await outcomeOf(['run', 'no-such-command']), {
      code: 127,
      stdout: '',
      stderr: 'procguard: no-such-command: not found\n',
    });
    const folder = temporaryFolder(t);
    writeFileSync(path.join(folder, 'text.exe'), 'no program');
    t.is((await outcomeOf(['run', path.join(folder, 'text.exe')])).code, 126);
  },
);

test.serial('a batch file is found along PATH and gets its arguments as they are', async (t) => {
  const folder = temporaryFolder(t);
  const script = 'console.log(JSON.stringify(process.argv.slice(1)))';
  const lines = ['@echo off', `"${process.execPath}" -e "${script}" -- %*`, 'exit /b 5', ''];
  writeFileSync(path.join(folder, 'tool.cmd'), lines.join('\r\n'));
  const env = { ...process.env, PATH: `${process.env.PATH};${folder}` };
  const args = ['a b', 'c&d', 'e^f', 'x(y)', 'z\\', '|', '>out', ''];
  const { code, stdout } = await outcomeOf(['run', '--', 'tool', ...args], { env });
  t.is(code, 5);
  t.deepEqual(JSON.parse(stdout), args);
  for (const unsafe of ['a"b', '%PATH%', 'a\nb'])
    t.like(await outcomeOf(['run', '--', 'tool', unsafe], { env }), { code: 64, stdout: '' });
});

test.serial('a grace is refused, since Windows has no SIGTERM', async (t) => {
  const { code, stderr } = await outcomeOf(['run', '--grace', '5s', 'cmd']);
  t.is(code, 69);
  t.regex(stderr, /--grace/);
});

const DEATHS = {
  'the parent of procguard run is terminated': 'parent',
  'the parent of the batch file of procguard run is terminated': 'parent of a batch file',
  'procguard run is terminated': 'run',
} as const;

for (const [how, who] of Object.entries(DEATHS)) {
  test.serial(`the command dies with its whole tree when ${how}`, async (t) => {
    await using lifelines = await Lifelines.open();
    const command = [lifelines.program, ...lifelines.arguments('child', ...LAYERS.slice(1))];
    // As npm installs it.
    const batchFile = path.join(lifelines.folder, 'procguard.cmd');
    writeFileSync(batchFile, `@"${process.execPath}" "${program}" %*\r\n`);
    const starter =
      who === 'parent of a batch file' ? ['cmd.exe', '/d', '/c', batchFile] : [process.execPath, program];
    const parent = spawn(
      process.execPath,
      [fixture('windows/run-parent.mjs'), ...starter, 'run', '--', ...command],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    t.teardown(() => parent.kill());
    const [pid] = await within(once(parent.stdout!, 'data'), 'the pid of procguard run');
    const lives = await lifelines.takeAll(LAYERS);
    await allAnswer(lives);
    if (who === 'run') process.kill(Number(pid), 'SIGKILL');
    else parent.kill('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
    // The shell of the batch file reads on in it when the command has ended.
    await until(() => !isAlive(Number(pid)) || undefined, 'procguard run, or its shell, to be gone');
  });
}

test.serial('what a command leaves behind is ended before procguard run ends', async (t) => {
  await using lifelines = await Lifelines.open();
  const command = [lifelines.program, ...lifelines.arguments('child', ...LAYERS.slice(1))];
  const run = start(['run', '--', ...command], { stdio: 'ignore' });
  const ended = once(run, 'exit');
  const [child, ...descendants] = await lifelines.takeAll(LAYERS);
  child!.exit(4);
  t.deepEqual(await within(ended, 'procguard run to end'), [4, null]);
  await t.notThrowsAsync(allGone(descendants));
});

test.serial('doctor looks at jobs, and says when there are none', async (t) => {
  const { code, stdout } = await outcomeOf(['doctor', '--json']);
  const names = (JSON.parse(stdout) as { checks: { name: string }[] }).checks.map(({ name }) => name);
  t.deepEqual(names, ['platform', 'node', 'addon', 'job', 'child', 'orphans', 'python']);
  t.is(code, 0);
  const denied = await outcomeOf(['doctor', '--json'], { env: { ...process.env, PROCGUARD_DISABLE: 'job' } });
  const missing = (JSON.parse(denied.stdout) as { checks: { name: string; state: string }[] }).checks.filter(
    ({ state }) => state === 'missing',
  );
  t.deepEqual(
    missing.map(({ name }) => name),
    ['job', 'child'],
  );
  t.is(denied.code, 1);
});

for (const command of ['ps', 'top', 'demo']) {
  test.serial(`procguard ${command} says that it can not do it here, and shows no empty list`, async (t) => {
    t.like(await outcomeOf([command, '--json']), { code: 69, stdout: '' });
  });
}

test.serial('procguard sweep finds nothing, since nothing outlives its host', async (t) => {
  const { code, stdout } = await outcomeOf(['sweep', '--json']);
  t.is(code, 0);
  t.like(JSON.parse(stdout), { found: [], killed: [], survivors: [] });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard run '));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
