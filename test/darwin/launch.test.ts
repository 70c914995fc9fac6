import * as node from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { binding } from '../../lib/guard/binding.js';
import * as procguard from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { type Guard, Host } from '../helpers/host.js';
import { type Life, Lifelines } from '../helpers/lifelines.js';
import { readStat } from '../helpers/proc.js';
import { allGone, startTree } from '../helpers/tree.js';

// What the guard of macOS does at a child's start.
const isDarwin = binding().darwin !== undefined;
if (!isDarwin) console.warn('The addon is not that of macOS: npm run test:darwin runs these tests with it');
const run = isDarwin ? test.serial : test.serial.skip;
// What only the stand-in can be made to do.
const onStandIn = isDarwin && process.platform === 'linux' ? test.serial : test.serial.skip;
const rootOnly = isDarwin && process.getuid?.() === 0 ? test.serial : test.serial.skip;

/** What the program has written, and its exit code, or the code of the error. */
async function outcome(start: typeof node.spawn, file: string, options: node.SpawnOptions) {
  let text = '';
  const ended = new Promise<unknown>((resolve) => {
    try {
      const child = start(file, [], { stdio: ['ignore', 'pipe', 'inherit'], ...options });
      child.stdout?.on('data', (data) => {
        text += data;
      });
      child.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code)).once('close', resolve);
    } catch (error) {
      resolve((error as NodeJS.ErrnoException).code);
    }
  });
  return { end: await within(ended, `${file} to end`), text };
}

run('guardOf names the keeper as the link, and the mark as the tree', async (t) => {
  const child = procguard.spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
  const { link, tree, downgrades } = procguard.guardOf(child);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.is(link, 'keeper');
  t.is(tree, 'mark');
  t.deepEqual(
    downgrades.filter(({ code }) => code !== 'keeper_starting'),
    [],
  );
});

run('capabilities name them, too', (t) => {
  t.like(procguard.capabilities(), { link: 'keeper', tree: 'mark', cgroup: undefined });
});

run('a program that hides its environment is said to', async (t) => {
  const child = procguard.spawn(withheldSleep(), ['60']);
  const codes = procguard.guardOf(child).downgrades.map(({ code }) => code);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.true(codes.includes('mark_withheld'), codes.join());
});

/** One of Apple's own that macOS protects; the shim takes any program in a folder of that name for one. */
function withheldSleep(): string {
  if (process.platform === 'darwin') return '/bin/sleep';
  mkdirSync(join(folder, 'withheld'));
  copyFileSync('/bin/sleep', join(folder, 'withheld/sleep'));
  return join(folder, 'withheld/sleep');
}

const folder = mkdtempSync(join(tmpdir(), 'procguard-launch-'));
test.after.always(() => rmSync(folder, { recursive: true }));
const script = (name: string, text: string, mode: number) => {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
};
script('found', '#!/bin/sh\necho found; pwd', 0o755);
script('denied', '#!/bin/sh\necho never', 0o644);

const cases: Record<string, [string, node.SpawnOptions]> = {
  'a program on the search path of the child': ['found', { env: { PATH: `/nowhere:${folder}:/bin` } }],
  'a program that is not there': ['absent', { env: { PATH: folder } }],
  'a program that may not be executed': ['denied', { env: { PATH: `${folder}:/bin` } }],
  'a path that is not there': ['/nowhere/absent', {}],
  'a path through a file': [`${folder}/found/absent`, {}],
  'a folder as a program': [folder, {}],
  'a name that is too long': ['a'.repeat(300), {}],
  'a working directory': ['/bin/pwd', { cwd: folder }],
  'a path from the working directory': ['./found', { cwd: folder }],
  'a working directory that is not there': ['/bin/pwd', { cwd: '/nowhere' }],
  'an empty environment': ['/usr/bin/env', { env: {} }],
};

for (const [name, [file, options]] of Object.entries(cases)) {
  run(`as with Node: ${name}`, async (t) => {
    const ours = await outcome(procguard.spawn, file, { ...options, guard: { containment: 'process' } });
    t.deepEqual(ours, await outcome(node.spawn, file, options));
  });
}

run('streams above 2, and streams that swap their numbers', async (t) => {
  const stdio: node.StdioOptions = ['ignore', 'pipe', 'inherit', 'ignore', 'pipe', 'pipe'];
  const child = procguard.spawn('sh', ['-c', 'cat <&4 >&5; ls /dev/fd'], { stdio });
  const [, out, , , input, output] = child.stdio as unknown as import('node:net').Socket[];
  let echoed = '';
  let listed = '';
  output!.on('data', (data) => {
    echoed += data;
  });
  out!.on('data', (data) => {
    listed += data;
  });
  input!.end('hello');
  await within(once(child, 'close'), 'the shell');
  t.is(echoed, 'hello');
  // 3 is what ls itself has opened.
  t.deepEqual(listed.trim().split('\n'), ['0', '1', '2', '3', '4', '5']);
  const swapped = procguard.spawn('sh', ['-c', 'echo out; echo err >&2'], { stdio: ['ignore', 'pipe', 1] });
  await once(swapped, 'close');
});

rootOnly('a child may be another user, in another group, without the groups of its host', async (t) => {
  const options = { uid: 65534, gid: 65534 };
  const child = procguard.spawn('id', [], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout!.on('data', (data) => {
    text += data;
  });
  await within(once(child, 'close'), 'id');
  t.regex(text, /^uid=65534\S* gid=65534\S*( groups=65534\S*)?$/m);
  for (const file of ['absent', '/nowhere/absent', folder]) {
    t.deepEqual(await outcome(procguard.spawn, file, options), await outcome(node.spawn, file, options));
  }
});

const ends = {
  'is still ending when its end is told': { PROCGUARD_SHIM_EARLY_ENDS: '3' },
  'ends before it can be watched': { PROCGUARD_SHIM_KEVENT_ERROR: String(os.constants.errno.ESRCH) },
};

for (const [what, env] of Object.entries(ends)) {
  run(`a child that ${what} is reaped, with its exit code`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ env });
    const [life] = await startTree(host, lifelines, { layers: ['child'] });
    life!.exit(7);
    t.deepEqual(await host.ask('exit', { pid: life!.pid }), { code: 7, signal: null });
  });
}

onStandIn('a child that the keeper can not be told of is said to be, and dies by its mark', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ env: { PROCGUARD_SHIM_STAT_ERROR: String(os.constants.errno.EPERM) } });
  const lives = await startTree(host, lifelines);
  await host.keeperPid();
  const { link, tree, downgrades } = await host.ask<Guard>('guardOf', { pid: lives[0]!.pid });
  t.deepEqual({ link, tree }, { link: 'keeper', tree: 'mark' });
  t.deepEqual(
    downgrades.map(({ code }) => code),
    ['keeper_blind'],
  );
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

onStandIn('a host that may not list the processes says so, and its children die with it', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ env: { PROCGUARD_SHIM_LIST_ERROR: String(os.constants.errno.EPERM) } });
  const [child] = await startTree(host, lifelines, { layers: ['child'] });
  await host.keeperPid();
  for (const guard of [
    await host.ask<Guard>('guardOf', { pid: child!.pid }),
    await host.ask<Guard>('capabilities'),
  ]) {
    t.like(guard, { link: 'keeper', tree: 'none' });
    t.deepEqual(
      guard.downgrades.map(({ code }) => code),
      ['keeper_blind'],
    );
  }
  await host.die('SIGKILL');
  await t.notThrowsAsync(child!.gone());
});

// The stand-in holds a thread up while its pipe would be open to whatever another thread starts.
for (const from of ['procguard', 'node'] as const) {
  rootOnly(`a start as another user waits for no child that ${from} starts meanwhile`, async (t) => {
    await using host = new Host({ env: { PROCGUARD_SHIM_PIPE_MS: '400' } });
    await host.ask('startWorker');
    const options = { stdio: 'ignore', uid: 65534, gid: 65534 };
    const ours = host.start(['sleep', ['1000'], options], { inWorker: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const others = host.start(['sleep', ['1000'], options], { from });
    const started = await Promise.all([ours, others]);
    for (const { pid } of started) process.kill(pid, 'SIGKILL');
    t.is(started.length, 2);
  });
}

onStandIn('a child that is stuck while it ends keeps no other from being reaped', async (t) => {
  await using lifelines = await Lifelines.open();
  const program = join(lifelines.folder, 'stuck');
  copyFileSync(lifelines.program, program);
  await using host = new Host({ env: { PROCGUARD_SHIM_STUCK: 'stuck' } });
  await host.ask('startWorker');
  const lives: Life[] = [];
  for (const [name, file] of Object.entries({ first: program, second: lifelines.program })) {
    await host.start([file, lifelines.arguments(name), { stdio: 'ignore' }], { inWorker: true });
    lives.push(await lifelines.take(name));
  }
  await host.ask('endWorker', { how: 'terminate' });
  for (const life of lives) {
    process.kill(life.pid, 'SIGKILL');
    await life.gone();
  }
  await t.notThrowsAsync(
    until(() => (readStat(lives[1]!.pid) === undefined ? true : undefined), 'the second to be reaped'),
  );
});

onStandIn(
  'a child that can not be watched is killed, and one that is stuck then is not waited for',
  async (t) => {
    await using lifelines = await Lifelines.open();
    const program = join(lifelines.folder, 'stuck');
    copyFileSync(lifelines.program, program);
    const env = {
      PROCGUARD_SHIM_STUCK: 'stuck',
      PROCGUARD_SHIM_KEVENT_ERROR: String(os.constants.errno.ENOMEM),
    };
    await using host = new Host({ env });
    for (const file of [program, lifelines.program]) {
      const error = await t.throwsAsync(
        host.start([file, lifelines.arguments('child'), { stdio: 'ignore' }]),
      );
      t.is((error as NodeJS.ErrnoException).code, 'ENOMEM');
    }
  },
);

run('a keeper whose line can not be watched by events is watched all the same', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ env: { PROCGUARD_SHIM_READ_ERROR: String(os.constants.errno.ENOMEM) } });
  const lives = await startTree(host, lifelines);
  const first = await host.keeperPid();
  process.kill(first, 'SIGKILL');
  await until(async () => ((await host.keeperPid()) === first ? undefined : true), 'the next keeper');
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});
