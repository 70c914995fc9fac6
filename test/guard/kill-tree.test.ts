import { type ChildProcess, spawn as spawnUnguarded } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { type KillTreeReport, killTree, ProcguardError, spawn } from '../../lib/index.js';
import { fixture } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import { type Life, Lifelines } from '../helpers/lifelines.js';
import { canBecomeNobody, NOBODY } from '../helpers/privilege.js';
import { readStat } from '../helpers/proc.js';
import { allAnswer, allGone, LAYERS, startTree, treeModes } from '../helpers/tree.js';

const modes = await treeModes();
const asRoot = canBecomeNobody ? test.serial : test.serial.skip;

interface Tree extends AsyncDisposable {
  lifelines: Lifelines;
  child: ChildProcess;
  lives: Life[];
  pids: number[];
}

/** A tree of this test process: a child with one descendant of each kind. */
async function plant(words: string[] = [], guard: object | boolean = true): Promise<Tree> {
  const lifelines = await Lifelines.open();
  const args = lifelines.arguments('child', ...LAYERS.slice(1), ...words);
  const child = spawn(lifelines.program, args, { stdio: 'ignore', guard });
  const lives = await lifelines.takeAll(LAYERS);
  const pids = sorted(lives.map(({ pid }) => pid));
  return { lifelines, child, lives, pids, [Symbol.asyncDispose]: () => lifelines[Symbol.asyncDispose]() };
}

const sorted = (pids: number[]) => [...pids].sort((a, b) => a - b);

test.serial('a tree that ends on SIGTERM is not killed', async (t) => {
  await using tree = await plant();
  const exited = once(tree.child, 'exit');
  const report = await killTree(tree.child);
  t.deepEqual(sorted(report.signalled), tree.pids);
  t.like(report, { killed: [], survivors: [], notes: [] });
  t.true(report.durationMs >= 0 && report.durationMs < 5000);
  t.deepEqual(await exited, [null, 'SIGTERM']);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('a tree that ignores SIGTERM is killed when the grace is over', async (t) => {
  await using tree = await plant(['term-ignored']);
  const report = await killTree(tree.child, { graceMs: 150 });
  t.deepEqual(sorted(report.signalled), tree.pids);
  t.deepEqual(sorted(report.killed), tree.pids);
  t.deepEqual(report.survivors, []);
  t.true(report.durationMs >= 140, `${report.durationMs} ms`);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('when killTree resolves, everything is already gone', async (t) => {
  await using tree = await plant(['term-ignored']);
  await killTree(tree.child, { graceMs: 0 });
  // Who is dead and not yet reaped is a zombie.
  for (const { pid } of tree.lives) t.true([undefined, 'Z'].includes(readStat(pid)?.state), `${pid}`);
  await allGone(tree.lives);
});

test.serial('a tree that catches SIGTERM gets it, and its grace', async (t) => {
  await using tree = await plant(['term-told']);
  const killing = killTree(tree.child, { graceMs: 60_000 });
  await Promise.all(tree.lives.map((life) => life.says('sigterm')));
  await allAnswer(tree.lives);
  for (const life of tree.lives) life.exit(0);
  const report = await killing;
  t.deepEqual([sorted(report.signalled), report.killed, report.survivors], [tree.pids, [], []]);
});

test.serial('signal: another signal is sent first', async (t) => {
  await using tree = await plant(['term-told']);
  const exited = once(tree.child, 'exit');
  const report = await killTree(tree.child, { signal: 'SIGINT' });
  t.deepEqual(sorted(report.signalled), tree.pids);
  t.deepEqual(report.killed, []);
  t.deepEqual(await exited, [null, 'SIGINT']);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('signal: SIGKILL needs no grace', async (t) => {
  await using tree = await plant(['term-ignored']);
  const report = await killTree(tree.child, { signal: 'SIGKILL', graceMs: 60_000 });
  t.deepEqual(report.survivors, []);
  t.true(report.durationMs < 10_000);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('graceMs: 0 kills at once', async (t) => {
  await using tree = await plant(['term-ignored']);
  const report = await killTree(tree.child, { graceMs: 0 });
  t.deepEqual(sorted(report.killed), tree.pids);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('a stopped tree ends too', async (t) => {
  await using tree = await plant();
  for (const pid of tree.pids) process.kill(pid, 'SIGSTOP');
  const report = await killTree(tree.child, { graceMs: 300 });
  t.deepEqual(report.survivors, []);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('a tree that keeps forking is caught up with', async (t) => {
  await using lifelines = await Lifelines.open();
  const child = spawn(lifelines.program, lifelines.arguments('child', 'hydra'), { stdio: 'ignore' });
  const [life] = await lifelines.takeAll(['child']);
  const report = await killTree(child, { graceMs: 0 });
  t.deepEqual(report.survivors, []);
  await t.notThrowsAsync(life!.gone());
});

test.serial("containment 'process': killTree still kills the descendants that it can see", async (t) => {
  await using lifelines = await Lifelines.open();
  const options = { stdio: 'ignore', guard: { containment: 'process' } } as const;
  const child = spawn(lifelines.program, lifelines.arguments('child', 'plain', 'setsid'), options);
  const lives = await lifelines.takeAll(['child', 'plain', 'setsid']);
  const report = await killTree(child);
  t.deepEqual(report.survivors, []);
  await t.notThrowsAsync(allGone(lives));
});

test.serial('an unguarded child can be the target', async (t) => {
  await using lifelines = await Lifelines.open();
  const child = spawnUnguarded(lifelines.program, lifelines.arguments('child', 'plain', 'setsid'), {
    stdio: 'ignore',
  });
  const lives = await lifelines.takeAll(['child', 'plain', 'setsid']);
  const report = await killTree(child);
  t.deepEqual(sorted(report.signalled), sorted(lives.map(({ pid }) => pid)));
  await t.notThrowsAsync(allGone(lives));
});

test.serial('a pid can be the target', async (t) => {
  await using tree = await plant();
  const report = await killTree(tree.child.pid!);
  t.deepEqual(sorted(report.signalled), tree.pids);
  t.deepEqual(report.survivors, []);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('a tree inside the tree can be the target', async (t) => {
  await using tree = await plant();
  const [child, plain, setsid, double] = tree.lives;
  const report = await killTree(setsid!.pid);
  t.deepEqual(report.signalled, [setsid!.pid]);
  await setsid!.gone();
  await t.notThrowsAsync(allAnswer([child!, plain!, double!]));
});

test.serial('a child that has ended already is no error, and its descendants are found', async (t) => {
  await using tree = await plant();
  const exited = once(tree.child, 'exit');
  tree.lives[0]!.exit(0);
  await exited;
  const report = await killTree(tree.child);
  t.deepEqual(report.survivors, []);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('killing twice at the same time is no error', async (t) => {
  await using tree = await plant(['term-ignored']);
  const reports = await Promise.all([
    killTree(tree.child, { graceMs: 100 }),
    killTree(tree.child, { graceMs: 100 }),
  ]);
  for (const { survivors } of reports) t.deepEqual(survivors, []);
  t.deepEqual((await killTree(tree.child)).survivors, []);
  await t.notThrowsAsync(allGone(tree.lives));
});

test.serial('strangers live: siblings, the same program, the same group', async (t) => {
  await using strangers = await plant();
  await using lifelines = await Lifelines.open();
  spawnUnguarded(lifelines.program, lifelines.arguments('unguarded'), { stdio: 'ignore' });
  const unguarded = await lifelines.take('unguarded');
  await using tree = await plant();
  t.deepEqual(sorted((await killTree(tree.child)).signalled), tree.pids);
  await allGone(tree.lives);
  await t.notThrowsAsync(allAnswer([unguarded, ...strangers.lives]));
});

for (const { tree: mode, disable } of modes) {
  for (const words of [[], ['term-ignored']]) {
    const kind = words.length > 0 ? 'that ignores SIGTERM' : 'that ends on SIGTERM';
    test.serial(`a host kills a tree ${kind}, and only that one (${mode})`, async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable });
      const others = await startTree(host, lifelines);
      const lives = await startTree(host, lifelines, { words });
      const pids = sorted(lives.map(({ pid }) => pid));
      const options = { graceMs: words.length > 0 ? 100 : 5000 };
      const report = await host.ask<KillTreeReport>('killTree', {
        pid: lives[0]!.pid,
        options,
      });
      t.deepEqual(sorted(report.signalled), pids);
      t.deepEqual(sorted(report.killed), words.length > 0 ? pids : []);
      t.deepEqual(report.survivors, []);
      await allGone(lives);
      await t.notThrowsAsync(allAnswer(others));
    });
  }
}

for (const fallback of ['pidfd', 'clone3', 'waitid-pidfd', 'keeper', 'pidfd,clone3,cgroup,keeper']) {
  test.serial(`a tree is killed without ${fallback}`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable: fallback });
    const lives = await startTree(host, lifelines, { words: ['term-ignored'] });
    const request = { pid: lives[0]!.pid, options: { graceMs: 50 } };
    t.like(await host.ask('killTree', request), { survivors: [] });
    await t.notThrowsAsync(allGone(lives));
  });
}

asRoot('a process that may not be signalled is a survivor, and what was tried is said', async (t) => {
  await using lifelines = await Lifelines.open();
  spawnUnguarded(lifelines.program, lifelines.arguments('of-root'), { stdio: 'ignore' });
  const ofRoot = await lifelines.take('of-root');
  await using host = new Host(NOBODY);
  const request = { pid: ofRoot.pid, options: { graceMs: 0 } };
  const report = await host.ask<KillTreeReport>('killTree', request);
  t.like(report, { signalled: [], killed: [], survivors: [ofRoot.pid] });
  const codes = new Set(report.notes.map(({ code }) => code));
  t.true(codes.has('signal_failed') && codes.has('survived'), [...codes].join());
  await t.notThrowsAsync(ofRoot.answers());
});

for (const target of [
  0,
  1,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 31,
  process.pid,
  '12',
  null,
  {},
]) {
  test.serial(`the target ${target} is refused`, async (t) => {
    const error = await t.throwsAsync(async () => killTree(target as number), { instanceOf: ProcguardError });
    t.regex(error!.code, /^ERR_PROCGUARD_/);
  });
}

test.serial('a target that the caller descends from is refused, and nothing of it is killed', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const siblings = await startTree(host, lifelines);
  const caller = await host.start([process.execPath, [fixture('kill-ancestor.mjs')], { stdio: 'ignore' }]);
  t.deepEqual(await host.ask('exit', caller), { code: 0, signal: null });
  await t.notThrowsAsync(allAnswer(siblings));
});

test.serial('a pid that nobody has is no error, and is said', async (t) => {
  const child = spawnUnguarded('/bin/true', [], { stdio: 'ignore' });
  await once(child, 'exit');
  const report = await killTree(child.pid!);
  t.like(report, { signalled: [], killed: [], survivors: [] });
  t.deepEqual(
    report.notes.map(({ code }) => code),
    ['no_such_process'],
  );
});

for (const options of [
  { signal: 'SIGNOPE' },
  { signal: 'sigterm' },
  { signal: 15 },
  { graceMs: -1 },
  { graceMs: Number.NaN },
  { graceMs: '100' },
  { graceMs: 1e9 },
  { grace: 100 },
  'SIGTERM',
]) {
  test.serial(`the options ${JSON.stringify(options)} are refused, and nothing is signalled`, async (t) => {
    await using tree = await plant();
    await t.throwsAsync(async () => killTree(tree.child, options as object), {
      code: 'ERR_PROCGUARD_INVALID_OPTION',
    });
    await t.notThrowsAsync(allAnswer(tree.lives));
  });
}
