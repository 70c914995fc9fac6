import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { findNodes } from '../conformance/nodes.js';
import { within } from '../helpers/deadline.js';
import { ROOT } from '../helpers/fixtures.js';
import { readStat } from '../helpers/proc.js';
import { Project } from './install.js';

const machine = `${process.platform}-${process.arch}`;
const { nodes, absent } = findNodes();
const [, tenLines] = /^```js\n(.*?)^```$/ms.exec(
  readFileSync(join(ROOT, 'README.md'), 'utf8'),
) as unknown as [string, string];
// The same, with a worker that would go on, and says who it is.
const endless = change(
  change(tenLines, 'sleep(1)', 'sleep(1000)'),
  'print("at work")',
  'import os; print(os.getpid())',
);
const unguarded = change(
  change(
    endless,
    "import { guardOf, spawn } from 'procguard';",
    "import { spawn } from 'node:child_process';",
  ),
  'console.log(guardOf(worker));',
  '',
);

let project: Project;
test.before(async () => {
  project = await Project.install();
});
test.after.always(() => project?.[Symbol.asyncDispose]());

test('there is no compiler where the package was installed', (t) => {
  for (const name of ['cc', 'c++', 'gcc', 'g++', 'clang', 'make', 'node-gyp']) {
    t.like(spawnSync(name, ['--version'], { env: project.env }).error, { code: 'ENOENT' }, name);
  }
  t.false(existsSync(join(project.package, 'build')));
});

for (const [how, env] of [
  ['the C library that it has', {}],
  ['another C library than it has, as where musl is not Alpine', { LIBC: 'musl' }],
] as const) {
  test(`the install script has nothing to build where it is taken for one with ${how}`, async (t) => {
    const install = 'cd node_modules/procguard && npm run --silent install';
    t.deepEqual(await project.run('sh', ['-c', install], env), { stdout: '', stderr: '' });
    t.false(existsSync(join(project.package, 'build')));
  });
}

test('without a prebuild that can be loaded the install builds, and fails without a compiler', async (t) => {
  const copy = join(project.folder, 'node_modules/procguard-without');
  await cp(project.package, copy, { recursive: true });
  await rm(join(copy, 'prebuilds'), { recursive: true });
  const { stderr } = await t.throwsAsync<Error & { stderr: string }>(
    project.run('node', [join(copy, 'scripts/install.cjs')]),
  );
  t.regex(stderr, /node-gyp/);
});

test('every Node is there to try', (t) => {
  for (const major of absent) t.log(`Node ${major} is absent; install it with: npm ci --prefix test/nodes`);
  if (process.env.TEST_EVERYTHING === '1') t.deepEqual(absent, []);
  t.pass();
});

for (const { major, path } of nodes) {
  test(`Node ${major}: the first lines of the README work`, async (t) => {
    const file = await project.write(`ten-lines-${major}.mjs`, tenLines);
    const { stdout, stderr } = await project.run(path, [file]);
    t.is(stderr, '');
    t.regex(stdout, /link: 'pdeathsig', tree: '(cgroup|mark)'/);
    t.regex(stdout, /^at work$/m);
    t.regex(stdout, /^ended: 0 null$/m);
  });

  test(`Node ${major}: the worker of the README dies with its host`, async (t) => {
    const host = project.start(path, [await project.write(`endless-${major}.mjs`, endless)]);
    const pid = await firstPid(host.stdout);
    t.true(isAlive(pid));
    host.kill('SIGKILL');
    // The worker holds it, too: it ends with the last process that does.
    await t.notThrowsAsync(within(text(host.stderr), 'host and worker to be gone'));
  });
}

test('control: the same worker, started by Node alone, survives its host', async (t) => {
  const host = project.start('node', [await project.write('unguarded.mjs', unguarded)]);
  const pid = await firstPid(host.stdout);
  host.kill('SIGKILL');
  await once(host, 'exit');
  t.true(isAlive(pid));
  process.kill(pid, 'SIGKILL');
  await within(text(host.stderr), 'the worker to be gone');
});

test('procguard run guards a command, by the program of the prebuild', async (t) => {
  const command = [
    '--',
    'python3',
    '-c',
    'import os, time; print(os.getpid(), flush=True); time.sleep(1000)',
  ];
  const script = `
    const { spawn } = require('node:child_process');
    const { pid } = spawn('procguard-run', ${JSON.stringify(command)}, { stdio: 'inherit' });
    console.error('launcher ' + pid);`;
  const bin = join(project.folder, 'node_modules/.bin');
  const host = project.start('env', [`PATH=${bin}:${project.env.PATH}`, 'node', '-e', script]);
  let said = '';
  host.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk;
  });
  await firstPid(host.stdout);
  const launcher = Number(/launcher (\d+)/.exec(said)?.[1]);
  t.is(readlinkSync(`/proc/${launcher}/exe`), join(project.package, 'prebuilds', machine, 'procguard-run'));
  host.kill('SIGKILL');
  await t.notThrowsAsync(within(once(host, 'close'), 'host, launcher and command to be gone'));
});

test('procguard run gives the exit code of its command, with Node and without', async (t) => {
  for (const [program, ...args] of [['procguard-run'], ['procguard', 'run']] as [string, ...string[]][]) {
    await t.throwsAsync(
      project.run(program, [...args, '--', 'sh', '-c', 'exit 3']),
      { code: 3 } as object,
      program,
    );
  }
});

test('npx procguard doctor finds addon, keeper and guard', async (t) => {
  const { stdout } = await project.run('npx', ['procguard', 'doctor']);
  t.regex(stdout, new RegExp(`^ok +addon +.*prebuilds/${machine}$`, 'm'));
  t.regex(stdout, /^ok +keeper/m);
  t.notRegex(stdout, /^missing/m);
});

test('a Node for glibc is guarded also where musl is expected', async (t) => {
  const file = await project.write('musl.mjs', tenLines);
  const { stdout } = await project.run('node', [file], { LIBC: 'musl' });
  t.regex(stdout, /link: 'pdeathsig'/);
});

test('control: without the prebuilds, the error says what to do', async (t) => {
  const bare = join(project.folder, 'bare');
  await cp(project.package, join(bare, 'node_modules/procguard'), { recursive: true });
  await rm(join(bare, 'node_modules/procguard/prebuilds'), { recursive: true });
  const file = await project.write('bare/ten-lines.mjs', tenLines);
  const { stderr } = await t.throwsAsync<Error & { stderr: string }>(project.run('node', [file]));
  t.regex(stderr, /ERR_PROCGUARD_ADDON_UNAVAILABLE/);
  t.regex(stderr, new RegExp(`Tried: prebuilds/${machine}`));
  t.regex(stderr, /npm rebuild procguard/);
});

function change(code: string, from: string, to: string): string {
  if (!code.includes(from)) throw new Error(`The first lines of the README have no ${from}`);
  return code.replace(from, to);
}

/** The pid that the worker prints in a line of its own. */
async function firstPid(stdout: NodeJS.ReadableStream): Promise<number> {
  const read = async () => {
    let said = '';
    for await (const chunk of stdout) {
      said += chunk;
      const [, pid] = /^(\d+)$/m.exec(said) ?? [];
      if (pid !== undefined && said.includes(`${pid}\n`)) return Number(pid);
    }
    throw new Error(`The host ended before its worker had begun: ${said}`);
  };
  return within(read(), 'the worker to say its pid');
}

function isAlive(pid: number): boolean {
  const state = readStat(pid)?.state;
  return state !== undefined && state !== 'Z';
}
