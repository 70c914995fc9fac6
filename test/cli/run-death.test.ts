import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import test from 'ava';
import { until, within } from '../helpers/deadline.js';
import { fixture } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import { type Life, Lifelines } from '../helpers/lifelines.js';
import { lockMachine } from '../helpers/machine-lock.js';
import { isRunning, processGone, readProc, readStat } from '../helpers/proc.js';
import { allAnswer, allGone, LAYERS, treeModes } from '../helpers/tree.js';
import { runCommand } from './cli.js';

const modes = await treeModes();

// What a sweep of another test would take for orphans lives here for a moment.
test.before(() => lockMachine('sweep'));

interface Started extends AsyncDisposable {
  parent: ChildProcess;
  lives: Life[];
  /** The pid that the parent's child had from the start: of Node first, then of what it became. */
  runPid: number;
}

type Launcher = [program: string, ...options: string[]];

// The second command keeps the shell from exec'ing the first.
const SHELL: Launcher = ['sh', '-c', '"$@"; exit 9', 'sh'];
// The kernel stops no group by SIGTSTP whose parents are all in it, or in another session, since nobody could let it go on: this one has
// one, and the tests themselves may be run in one of the former.
const IN_OWN_GROUP: Launcher = [
  'python3',
  '-c',
  'import os, subprocess, sys; subprocess.run(sys.argv[1:], preexec_fn=os.setpgrp)',
];

/** A shell that starts `command`, and a tree with one descendant of each kind below that. */
async function startUnder(
  lifelines: Lifelines,
  prefix: readonly string[],
  words: string[] = [],
  disable = '',
  [launcher, ...options] = SHELL,
): Promise<Started> {
  const [child, ...descendants] = LAYERS;
  const command = [...prefix, lifelines.program, ...lifelines.arguments(child, ...descendants, ...words)];
  const parent = spawn(launcher, [...options, ...command], {
    stdio: 'ignore',
    env: { ...process.env, PROCGUARD_DISABLE: disable },
  });
  const lives = await lifelines.takeAll(LAYERS);
  return {
    parent,
    lives,
    runPid: lives[0]!.ppid,
    async [Symbol.asyncDispose]() {
      if (parent.exitCode !== null || parent.signalCode !== null) return;
      parent.kill('SIGKILL');
      await once(parent, 'exit');
    },
  };
}

const RUN = runCommand([], []);

async function killParent({ parent }: Started): Promise<void> {
  const exited = once(parent, 'exit');
  parent.kill('SIGKILL');
  await exited;
}

function keeperOf(hostPid: number): number | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => readProc(pid, 'cmdline')?.startsWith(`procguard-keeper\0${hostPid}:`));
}

for (const { tree, disable } of modes) {
  test(`when its parent is killed, the command and its whole tree die, by ${tree}`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using started = await startUnder(lifelines, RUN, [], disable);
    await allAnswer(started.lives);
    await killParent(started);
    await allGone(started.lives);
    await processGone(started.runPid);
    t.pass();
  });

  test(`when procguard run itself is killed, the command and its whole tree die, by ${tree}`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using started = await startUnder(lifelines, RUN, [], disable);
    process.kill(started.runPid, 'SIGKILL');
    await allGone(started.lives);
    t.pass();
  });
}

for (const disable of ['pidfd', 'waitid-pidfd', 'clone3']) {
  test(`without ${disable}, the command and its whole tree die with the parent all the same`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using started = await startUnder(lifelines, RUN, [], disable);
    await killParent(started);
    await allGone(started.lives);
    await processGone(started.runPid);
    t.pass();
  });
}

test('without a keeper, the command dies with the parent', async (t) => {
  await using lifelines = await Lifelines.open();
  await using started = await startUnder(lifelines, RUN, [], 'keeper');
  await killParent(started);
  await started.lives[0]!.gone();
  await processGone(started.runPid);
  t.pass();
});

test('control: without procguard run, the tree survives its parent', async (t) => {
  await using lifelines = await Lifelines.open();
  await using started = await startUnder(lifelines, []);
  await killParent(started);
  await allAnswer(started.lives);
  t.pass();
});

test('when its parent is killed while all is stopped, the tree dies all the same', async (t) => {
  await using lifelines = await Lifelines.open();
  await using started = await startUnder(lifelines, RUN, [], '', IN_OWN_GROUP);
  process.kill(started.lives[0]!.pid, 'SIGSTOP');
  await until(
    () => (readStat(started.runPid)?.state === 'T' ? true : undefined),
    'procguard run to stop as well',
  );
  await killParent(started);
  await allGone(started.lives);
  t.pass();
});

test('a keeper that is killed is replaced, and the tree dies with the parent', async (t) => {
  await using lifelines = await Lifelines.open();
  await using started = await startUnder(lifelines, RUN);
  const first = keeperOf(started.runPid)!;
  process.kill(first, 'SIGKILL');
  await processGone(first);
  await until(() => {
    const keeper = keeperOf(started.runPid);
    return keeper !== first ? keeper : undefined;
  }, 'another keeper');
  await killParent(started);
  await allGone(started.lives);
  t.pass();
});

test('with --grace, the tree is told by SIGTERM and has that much time', async (t) => {
  await using lifelines = await Lifelines.open();
  await using started = await startUnder(lifelines, runCommand(['--grace', '2s'], []), ['term-told']);
  const killedAt = performance.now();
  await killParent(started);
  await Promise.all(started.lives.map((life) => life.says('sigterm')));
  const ends = await Promise.all(started.lives.map((life) => life.gone()));
  t.true(Math.min(...ends) - killedAt >= 2000);
});

test('when the command ends, what it left behind is gone before procguard run is', async (t) => {
  await using lifelines = await Lifelines.open();
  await using started = await startUnder(lifelines, RUN);
  const [command, ...rest] = started.lives;
  const ticks = rest.map(({ pid }) => readStat(pid)!.startTicks);
  const exited = once(started.parent, 'exit');
  command!.exit(0);
  await exited;
  for (const [index, { pid }] of rest.entries()) t.false(isRunning(pid, ticks[index]!));
  await allGone(rest);
});

test('the end of the thread that started procguard run is not the end of its parent', async (t) => {
  await using lifelines = await Lifelines.open();
  const [child, ...descendants] = LAYERS;
  const command = [...RUN, lifelines.program, ...lifelines.arguments(child, ...descendants)];
  const parent = spawn(process.execPath, [fixture('thread-parent.mjs'), ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await within(once(parent.stdout, 'data'), 'the thread to end');
  const lives = await lifelines.takeAll(LAYERS);
  await allAnswer(lives);
  parent.kill('SIGKILL');
  await allGone(lives);
  t.pass();
});

test('procguard run inside of a guarded tree dies with the outer host', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const [child, ...descendants] = LAYERS;
  const [file, ...args] = [...RUN, lifelines.program, ...lifelines.arguments(child, ...descendants)];
  await host.start([file, args, { stdio: 'ignore' }]);
  const lives = await lifelines.takeAll(LAYERS);
  t.regex(lives[0]!.mark, new RegExp(`^${lives[0]!.ppid}:`), 'the mark is that of the inner host');
  await host.die('SIGKILL');
  await allGone(lives);
});
