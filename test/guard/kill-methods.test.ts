import { spawn as spawnUnguarded } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { binding } from '../../lib/guard/binding.js';
import type { KillTreeReport } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { compiledFixture } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { canBecomeNobody, NOBODY } from '../helpers/privilege.js';
import { allAnswer, allGone, startTree, treeModes } from '../helpers/tree.js';

const hasCgroup = (await treeModes()).some(({ tree }) => tree === 'cgroup');
const withCgroup = hasCgroup ? test.serial : test.serial.skip;
const asRootWithCgroup = hasCgroup && canBecomeNobody ? test.serial : test.serial.skip;

/** A host that the kernel refuses signals, for what can't be signalled: see the fixture. */
const mute = (what: string, disable?: string) =>
  new Host({ disable, launcher: [compiledFixture('refuse-signals'), what] });

const sorted = (pids: readonly number[]) => [...pids].sort((a, b) => a - b);
const codesOf = ({ notes }: KillTreeReport) => [...new Set(notes.map(({ code }) => code))];

test.serial('R10.3 processes that may not be signalled are killed by way of their group', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = mute('pids', 'cgroup');
  const others = await startTree(host, lifelines);
  const [child, plain] = await startTree(host, lifelines, {
    layers: ['child', 'plain'],
    options: { detached: true },
  });
  const report = await host.ask<KillTreeReport>('killTree', { pid: child!.pid, options: { graceMs: 0 } });
  const pids = sorted([child!.pid, plain!.pid]);
  t.like(report, { signalled: [], survivors: [] });
  t.deepEqual(sorted(report.killed), pids);
  t.deepEqual(codesOf(report), ['signal_failed', 'group_signalled']);
  for (const { code, error, message, pids: its } of report.notes) {
    if (code === 'signal_failed') {
      t.is(error, 'EPERM');
      t.regex(message, new RegExp(`^SIGKILL to ${its[0]} \\(\\S+, user \\d+, state . .*EPERM`));
    } else {
      t.deepEqual(sorted(its), pids);
    }
  }
  await allGone([child!, plain!]);
  await t.notThrowsAsync(allAnswer(others));
});

withCgroup('R10.3 what neither a pid nor a group reaches is killed in a cgroup made for it', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = mute('all');
  const others = await startTree(host, lifelines);
  const lives = await startTree(host, lifelines, { options: { detached: true } });
  const request = { pid: lives[0]!.pid, options: { signal: 'SIGKILL' } };
  const report = await host.ask<KillTreeReport>('killTree', request);
  t.like(report, { signalled: [], survivors: [] });
  t.deepEqual(sorted(report.killed), sorted(lives.map(({ pid }) => pid)));
  t.deepEqual(codesOf(report), ['signal_failed', 'group_failed', 'cgroup_killed']);
  await allGone(lives);
  // All trees of a host share a cgroup.
  await t.notThrowsAsync(allAnswer(others));
  const cgroup = await cgroupOf(host);
  t.deepEqual(directoriesBelow(join(cgroup, 'now')), []);
});

withCgroup('R10.3 processes in a cgroup that the tree has made for itself are killed there', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = mute('all');
  const [other] = await startTree(host, lifelines, { layers: ['child'] });
  const [child, plain] = await startTree(host, lifelines, { layers: ['child', 'plain'] });
  const cgroup = await cgroupOf(host);
  const own = join(cgroup, 'now', 'of-the-tree');
  mkdirSync(own);
  for (const { pid } of [other!, plain!]) writeFileSync(join(own, 'cgroup.procs'), String(pid));
  const request = { pid: child!.pid, options: { signal: 'SIGKILL' } };
  const report = await host.ask<KillTreeReport>('killTree', request);
  t.deepEqual(report.survivors, []);
  await allGone([child!, plain!]);
  // It is in the same cgroup, and no member of the tree.
  await t.notThrowsAsync(other!.answers());
  t.deepEqual(directoriesBelow(own), []);
});

asRootWithCgroup("R10.3 another user's process is killed by way of a cgroup", async (t) => {
  await using lifelines = await Lifelines.open();
  const program = join(lifelines.folder, 'set-user-id-life');
  copyFileSync(lifelines.program, program);
  chmodSync(program, 0o4755);
  await using host = new Host({ uid: 65_533, gid: 65_533 });
  // As a service manager does for a service that is to have cgroups of its own.
  const delegated = delegate(t, host.pid, 65_533);
  const args = ['-c', '"$0" "$@" & wait', program, ...lifelines.arguments('stranger', 'drop-uid')];
  const { pid } = await host.start(['/bin/sh', args, { stdio: 'ignore' }]);
  const stranger = await lifelines.take('stranger');
  const report = await host.ask<KillTreeReport>('killTree', { pid, options: { graceMs: 0 } });
  t.deepEqual(report.survivors, [], JSON.stringify(report.notes));
  t.true(report.killed.includes(stranger.pid));
  t.true(codesOf(report).includes('cgroup_killed'), JSON.stringify(report.notes));
  await stranger.gone();
  await host.die('SIGKILL');
  await until(() => (directoriesBelow(delegated).length === 0 ? true : undefined), 'the keeper to tidy up');
});

test.serial('R10.4 a process that ignores SIGTERM gets SIGKILL when its grace is over', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const lives = await startTree(host, lifelines, { words: ['term-told'] });
  const { pid } = lives[0]!;
  const killing = host.ask<KillTreeReport>('killTree', { pid, options: { graceMs: 2000 } });
  await Promise.all(lives.map((life) => life.says('sigterm')));
  const report = await killing;
  const pids = sorted(lives.map((life) => life.pid));
  t.deepEqual(sorted(report.signalled), pids);
  t.deepEqual(sorted(report.killed), pids);
  t.deepEqual(codesOf(report), ['grace_passed']);
  t.deepEqual(await host.ask('exit', { pid }), { code: null, signal: 'SIGKILL' });
});

test.serial('R10.4 a process that SIGTERM cannot be delivered to gets SIGKILL at once', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = mute('15');
  const lives = await startTree(host, lifelines);
  const { pid } = lives[0]!;
  // Nobody could wait that long here.
  const report = await host.ask<KillTreeReport>('killTree', { pid, options: { graceMs: 300_000 } });
  t.like(report, { signalled: [], survivors: [] });
  t.deepEqual(sorted(report.killed), sorted(lives.map((life) => life.pid)));
  t.deepEqual(codesOf(report), ['signal_failed']);
  for (const { message } of report.notes)
    t.regex(message, /^SIGTERM to .*EPERM.*; SIGKILL follows at once\.$/);
  await allGone(lives);
});

withCgroup(
  'R10.4 a process that no signal can be delivered to is killed by other means at once',
  async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = mute('all');
    const lives = await startTree(host, lifelines);
    const request = { pid: lives[0]!.pid, options: { graceMs: 300_000 } };
    const report = await host.ask<KillTreeReport>('killTree', request);
    t.like(report, { signalled: [], survivors: [] });
    t.deepEqual(codesOf(report), ['signal_failed', 'group_failed', 'cgroup_killed']);
    await allGone(lives);
  },
);

(canBecomeNobody ? test.serial : test.serial.skip)(
  'R10.3 when nothing helps, NODE_DEBUG=procguard prints each attempt with who it was, and why',
  async (t) => {
    await using lifelines = await Lifelines.open();
    spawnUnguarded(lifelines.program, lifelines.arguments('of-root'), { stdio: 'ignore' });
    const ofRoot = await lifelines.take('of-root');
    await using host = new Host({ ...NOBODY, env: { NODE_DEBUG: 'procguard' } });
    const request = { pid: ofRoot.pid, options: { graceMs: 0 } };
    const report = await host.ask<KillTreeReport>('killTree', request);
    t.deepEqual(report.survivors, [ofRoot.pid]);
    t.deepEqual(codesOf(report), ['signal_failed', 'cgroup_failed', 'grace_passed', 'survived']);
    const printed = await until(
      () => (host.stderr.includes('survived:') ? host.stderr : undefined),
      'the end to be printed',
    );
    for (const { code, message } of report.notes) {
      t.true(printed.includes(`killTree ${ofRoot.pid}: ${code}: ${message}`), printed);
    }
    t.true(printed.includes(`SIGTERM to ${ofRoot.pid} (life`) && printed.includes('user 0'), printed);
    await t.notThrowsAsync(ofRoot.answers());
  },
);

test.serial('a tree that ends as it should leaves no notes, and nothing is printed', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const lives = await startTree(host, lifelines);
  t.deepEqual((await host.ask<KillTreeReport>('killTree', { pid: lives[0]!.pid })).notes, []);
  await allGone(lives);
  t.is(host.stderr, '');
});

const cgroupOf = async (host: Host) => (await host.ask<{ cgroup: string }>('capabilities')).cgroup;

/** Moves a host that has no cgroup yet into one that belongs to its user. */
function delegate(t: ExecutionContext, pid: number, uid: number): string {
  const directory = join(binding().ownCgroup(), `procguard-test-${pid}`);
  mkdirSync(directory);
  t.teardown(() => until(() => isRemoved(directory), 'the cgroup to be empty'));
  for (const file of ['', 'cgroup.procs', 'cgroup.kill']) chownSync(join(directory, file), uid, uid);
  writeFileSync(join(directory, 'cgroup.procs'), String(pid));
  return directory;
}

function isRemoved(directory: string): true | undefined {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return undefined;
  }
}

function directoriesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
