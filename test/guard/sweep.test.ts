import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { binding } from '../../lib/guard/binding.js';
import type { SweepReport } from '../../lib/index.js';
import { fixture } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import { type Life, Lifelines } from '../helpers/lifelines.js';
import { lockMachine } from '../helpers/machine-lock.js';
import { canBecomeNobody, NOBODY } from '../helpers/privilege.js';
import { processGone, readProc, startTicksOf } from '../helpers/proc.js';
import { allAnswer, allGone, startTree, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

const asRoot = canBecomeNobody ? test.serial : test.serial.skip;

/** What a host without a keeper left when it was killed. Only a sweep finds it. */
async function leaveOrphans(lifelines: Lifelines): Promise<Life[]> {
  await using host = new Host({ disable: 'keeper' });
  const [child, ...orphans] = await startTree(host, lifelines);
  await host.die('SIGKILL');
  // On macOS nothing but the keeper would end the child.
  if (binding().darwin !== undefined) return [child!, ...orphans];
  await child!.gone();
  return orphans;
}

/** Starts an unguarded process that carries `mark`, which nothing of this package gave it. */
async function plant(
  lifelines: Lifelines,
  name: string,
  mark: string | undefined,
  program = lifelines.program,
) {
  const { PROCGUARD_HOST: _, ...env } = process.env;
  if (mark !== undefined) env.PROCGUARD_HOST = mark;
  const identity = program === lifelines.program ? {} : NOBODY;
  spawn(program, lifelines.arguments(name), { stdio: 'ignore', cwd: '/', env, ...identity });
  return lifelines.take(name);
}

async function sweep(options?: object, host = new Host()): Promise<SweepReport> {
  await using sweeper = host;
  return await sweeper.ask<SweepReport>('sweep', { options });
}

/** Why a sweep leaves a look-alike alone, where it is not a malformed mark. */
const REASONS: Record<string, SweepReport['skipped'][number]['reason'] | undefined> = {
  "a live host's mark, copied": 'host_alive',
  'a mark of this test, which lives': 'host_alive',
  'another boot': 'other_boot',
  'a pid beyond 32 bits': 'host_unknown',
};

const pids = (lives: readonly Life[]) => lives.map(({ pid }) => pid);
const includesAll = (list: readonly number[], wanted: number[]) => wanted.every((pid) => list.includes(pid));

test.before(async () => {
  await lockMachine('sweep');
});

test.serial('control: without a keeper, descendants survive their host', async (t) => {
  await using lifelines = await Lifelines.open();
  await t.notThrowsAsync(allAnswer(await leaveOrphans(lifelines)));
});

test.serial('a sweep kills what a dead host left, and reports it', async (t) => {
  await using lifelines = await Lifelines.open();
  const orphans = await leaveOrphans(lifelines);
  const report = await sweep();
  t.true(includesAll(report.found, pids(orphans)));
  t.true(includesAll(report.killed, pids(orphans)));
  t.false(includesAll(report.survivors, pids(orphans)));
  t.true(report.durationMs >= 0);
  await t.notThrowsAsync(allGone(orphans));
});

test.serial('dryRun reports and kills nothing', async (t) => {
  await using lifelines = await Lifelines.open();
  const orphans = await leaveOrphans(lifelines);
  const report = await sweep({ dryRun: true });
  t.true(includesAll(report.found, pids(orphans)));
  t.deepEqual(report.killed, []);
  await t.notThrowsAsync(allAnswer(orphans));
  await sweep();
  await t.notThrowsAsync(allGone(orphans));
});

test.serial('a second sweep finds nothing more of it', async (t) => {
  await using lifelines = await Lifelines.open();
  const orphans = await leaveOrphans(lifelines);
  await sweep();
  const { found } = await sweep();
  for (const pid of pids(orphans)) t.false(includesAll(found, [pid]));
});

test.serial("a live host's tree is left alone, also while its keeper is stopped or gone", async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  await using keeperless = new Host({ disable: 'keeper' });
  const lives = await startTree(host, lifelines);
  lives.push(...(await startTree(keeperless, lifelines)));
  process.kill(await host.keeperPid(), 'SIGKILL');
  await sweep();
  await t.notThrowsAsync(allAnswer(lives));
});

test.serial("the sweeper's own tree is left alone", async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const lives = await startTree(host, lifelines);
  await host.ask('sweep');
  await t.notThrowsAsync(allAnswer(lives));
});

test.serial('look-alikes live: processes without a readable mark of a dead host', async (t) => {
  await using lifelines = await Lifelines.open();
  await using live = new Host();
  const [liveChild] = await startTree(live, lifelines, { layers: ['child'] });
  const [orphan] = await leaveOrphans(lifelines);
  const [pid, ticks, boot, random] = orphan!.mark.split(':') as [string, string, string, string];
  const [, own] = binding().hostIdentity().split(':');

  const lookAlikes: Record<string, string | undefined> = {
    "a live host's mark, copied": liveChild!.mark,
    'a mark of this test, which lives': [process.pid, own, boot, random].join(':'),
    'another boot': [pid, ticks, randomUUID(), random].join(':'),
    'an empty mark': '',
    'one word': 'procguard',
    'a pid alone': pid,
    'no boot id': [pid, ticks].join(':'),
    'an empty boot id': [pid, ticks, '', random].join(':'),
    'no random part': [pid, ticks, boot].join(':'),
    'an empty random part': [pid, ticks, boot, ''].join(':'),
    'one part too many': [pid, ticks, boot, random, '1'].join(':'),
    'other separators': [pid, ticks, boot, random].join(';'),
    'an empty pid': ['', ticks, boot, random].join(':'),
    'pid 0': [0, ticks, boot, random].join(':'),
    'a negative pid': [`-${pid}`, ticks, boot, random].join(':'),
    'a pid with a sign': [`+${pid}`, ticks, boot, random].join(':'),
    'a pid after a space': [` ${pid}`, ticks, boot, random].join(':'),
    'a pid with a letter': [`${pid}x`, ticks, boot, random].join(':'),
    'a hexadecimal pid': [`0x${pid}`, ticks, boot, random].join(':'),
    'a pid beyond 32 bits': ['4294967297', ticks, boot, random].join(':'),
    'a pid beyond 64 bits': ['18446744073709551617', ticks, boot, random].join(':'),
    'an empty start time': [pid, '', boot, random].join(':'),
    'a negative start time': [pid, '-1', boot, random].join(':'),
    'a start time with a letter': [pid, `${ticks}x`, boot, random].join(':'),
    'a start time beyond 64 bits': [pid, '18446744073709551617', boot, random].join(':'),
    'a line break at the end': `${orphan!.mark}\n`,
    'a space before': ` ${orphan!.mark}`,
    'a very long mark': orphan!.mark + 'x'.repeat(100_000),
  };
  const planted = await Promise.all(
    Object.entries(lookAlikes).map(async ([what, mark]) => ({
      what,
      life: await plant(lifelines, what.replaceAll(' ', '-'), mark),
    })),
  );

  const { found, skipped } = await sweep();
  await orphan!.gone();
  for (const { what, life } of planted) {
    await t.notThrowsAsync(life.answers(), what);
    t.false(found.includes(life.pid), what);
    const reason = skipped.find(({ pid: skippedPid }) => skippedPid === life.pid)?.reason;
    t.is(reason, REASONS[what] ?? 'malformed_mark', what);
  }
});

test.serial('look-alikes live: the same command line, and no mark', async (t) => {
  await using lifelines = await Lifelines.open();
  const [orphan] = await leaveOrphans(lifelines);
  const lookAlike = await plant(lifelines, orphan!.name, undefined);
  await sweep();
  await orphan!.gone();
  await t.notThrowsAsync(lookAlike.answers());
});

test.serial('look-alikes live: the mark as an argument, or in another variable', async (t) => {
  await using lifelines = await Lifelines.open();
  const [orphan] = await leaveOrphans(lifelines);
  const assignment = `PROCGUARD_HOST=${orphan!.mark}`;
  const env = { X_PROCGUARD_HOST: orphan!.mark, PROCGUARD_HOST_X: orphan!.mark, OTHER: assignment };
  spawn(lifelines.program, lifelines.arguments('look-alike', assignment), { stdio: 'ignore', env });
  const lookAlike = await lifelines.take('look-alike');
  await sweep();
  await orphan!.gone();
  await t.notThrowsAsync(lookAlike.answers());
});

test.serial(
  'a reused pid: the mark of a dead host whose pid somebody else has now is an orphan',
  async (t) => {
    await using lifelines = await Lifelines.open();
    const [orphan] = await leaveOrphans(lifelines);
    const [, , boot, random] = orphan!.mark.split(':');
    const earlier = startTicksOf(process.pid) - 1;
    const reused = await plant(lifelines, 'reused', [process.pid, earlier, boot, random].join(':'));
    const report = await sweep();
    t.true(includesAll(report.killed, [reused.pid]));
    await t.notThrowsAsync(reused.gone());
  },
);

// Between the look at the process table and the signal, a pid may become somebody else's. That moment can't be
// staged from outside; what a sweep and killTree then rely on can: a signal goes to a pid and a start time.
test.serial('a signal does not reach a process that has the pid, but not the start time', async (t) => {
  await using lifelines = await Lifelines.open();
  const stranger = await plant(lifelines, 'stranger', undefined);
  const startTicks = startTicksOf(stranger.pid);
  t.is(binding().signal(stranger.pid, startTicks - 1, constants.signals.SIGKILL), -constants.errno.ESRCH);
  await t.notThrowsAsync(stranger.answers());
  t.is(binding().signal(stranger.pid, startTicks, constants.signals.SIGKILL), 0);
  await t.notThrowsAsync(stranger.gone());
});

asRoot('a process of another pid namespace is nobody that a sweep knows', async (t) => {
  await using lifelines = await Lifelines.open();
  const [orphan] = await leaveOrphans(lifelines);
  // unshare itself stays in this namespace, where its mark would count.
  const mark = ['--pid', '--fork', 'env', `PROCGUARD_HOST=${orphan!.mark}`];
  spawn('unshare', [...mark, lifelines.program, ...lifelines.arguments('namespaced')], { stdio: 'ignore' });
  const namespaced = await lifelines.take('namespaced');
  t.is(namespaced.mark, orphan!.mark);
  await sweep();
  await orphan!.gone();
  await t.notThrowsAsync(namespaced.answers());
});

test.serial("a sweeper that carries a dead host's mark spares itself and its ancestors", async (t) => {
  await using lifelines = await Lifelines.open();
  const orphans = await leaveOrphans(lifelines);
  const { mark } = orphans[0]!;
  const env = { ...process.env, PROCGUARD_HOST: mark };
  const args = ['-c', '"$0" "$1"; echo "swept $?"', process.execPath, fixture('sweep-once.mjs')];
  const shell = spawn('/bin/sh', args, { env });
  let output = '';
  shell.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const end = await new Promise((resolve) => shell.once('close', (...how) => resolve(how)));
  t.deepEqual(end, [0, null]);
  t.regex(output, /swept 0/);
  await t.notThrowsAsync(allGone(orphans));
});

asRoot('an unreadable environment is no reason to kill', async (t) => {
  await using lifelines = await Lifelines.open();
  const [orphan] = await leaveOrphans(lifelines);
  const program = join(lifelines.folder, 'life-of-nobody');
  copyFileSync(lifelines.program, program);
  const readable = await plant(lifelines, 'readable', orphan!.mark, program);
  const report = await sweep({}, new Host(NOBODY));
  await readable.gone();
  t.true(includesAll(report.killed, [readable.pid]));
  await t.notThrowsAsync(orphan!.answers());
});

for (const { tree, disable } of modes) {
  test.serial(
    `a host killed together with its keeper leaves descendants, and no child; a sweep ends them (${tree})`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable });
      const [child, ...descendants] = await startTree(host, lifelines);
      const cgroup = cgroupFolder(child!.pid);
      const keeper = await host.keeperPid();
      // A stopped keeper can't act before it is killed.
      process.kill(keeper, 'SIGSTOP');
      await host.die('SIGKILL');
      process.kill(keeper, 'SIGKILL');
      await Promise.all([child!.gone(), processGone(keeper)]);
      await allAnswer(descendants);
      if (tree === 'cgroup') t.true(existsSync(cgroup));
      await sweep();
      await t.notThrowsAsync(allGone(descendants));
      if (tree === 'cgroup') t.false(existsSync(cgroup), cgroup);
    },
  );

  test.serial(`a sweep leaves the cgroup of a live host (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines);
    const cgroup = cgroupFolder(lives[0]!.pid);
    await sweep();
    t.true(existsSync(cgroup));
    await t.notThrowsAsync(allAnswer(lives));
  });

  test.serial(`the keeper removes its host's cgroup (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines);
    const cgroup = cgroupFolder(lives[0]!.pid);
    const keeper = await host.keeperPid();
    await host.die('SIGKILL');
    await allGone(lives);
    await processGone(keeper);
    if (tree === 'cgroup') t.false(existsSync(cgroup), cgroup);
    else t.pass();
  });
}

for (const options of [{ dryRun: 1 }, { dryRun: 'yes' }, { dryrun: true }, null, 'dryRun']) {
  test.serial(`the options ${JSON.stringify(options)} are refused`, async (t) => {
    await using host = new Host();
    t.like(await t.throwsAsync(host.ask('sweep', { options })), { code: 'ERR_PROCGUARD_INVALID_OPTION' });
  });
}

/** The folder of the cgroup v2 that `pid` is in. */
function cgroupFolder(pid: number): string {
  const path = /^0::(.*)$/m.exec(readProc(pid, 'cgroup')!)![1]!;
  const mount = /^cgroup2? (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];
  return join(mount ?? '/', path);
}
