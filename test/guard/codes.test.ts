import { execFile, spawn as spawnUnguarded } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, copyFileSync, existsSync, openSync, rmdirSync, writeSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { guardOf, type KillTreeReport, type SweepReport, spawn } from '../../lib/index.js';
import { DEADLINE_MS, within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { type Guard, Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { lockMachine } from '../helpers/machine-lock.js';
import { canBecomeNobody } from '../helpers/privilege.js';
import { processGone, readStat } from '../helpers/proc.js';
import { allAnswer, allGone, startTree, treeModes } from '../helpers/tree.js';

// As native/keeper/registry.h has them.
const REGISTRY_SLOTS = 32_767;
const KEEPER_REGISTRY_FD = 4;

const modes = await treeModes();
const asRoot = canBecomeNobody ? test.serial : test.serial.skip;
const withCgroup = modes.some(({ tree }) => tree === 'cgroup') ? test.serial : test.serial.skip;

const codesOf = ({ downgrades }: Pick<Guard, 'downgrades'>) => downgrades.map(({ code }) => code);

/** Runs a program of Node's, and parses what it prints. It is killed when it doesn't end. */
async function runNode(...args: string[]) {
  const options = { cwd: ROOT, timeout: DEADLINE_MS * 2, killSignal: 'SIGKILL' } as const;
  return JSON.parse((await promisify(execFile)(process.execPath, args, options)).stdout);
}

test.before(() => lockMachine('sweep'));

test.serial('not_started: a program that does not exist', async (t) => {
  const child = spawn('/nonexistent/program');
  const [error] = await within(once(child, 'error'), 'the error');
  t.is(error.code, 'ENOENT');
  const guard = guardOf(child);
  t.like(guard, { link: 'none', tree: 'none' });
  t.deepEqual(codesOf(guard as Guard), ['not_started']);
});

test.serial('keeper_restarting, then keeper_failed: a keeper that is killed again and again', async (t) => {
  const { seen, after, restarts } = await runNode(fixture('kill-keeper.mjs'));
  t.not(seen.keeper_restarting?.tree, 'none');
  t.is(seen.keeper_restarting?.link, 'pdeathsig');
  t.like(seen.keeper_failed, { link: 'pdeathsig', tree: 'none' });
  t.true(Object.keys(seen).indexOf('keeper_restarting') < Object.keys(seen).indexOf('keeper_failed'));
  // Restarting goes on, and a keeper that runs takes charge again.
  t.true(restarts >= 5, `${restarts}`);
  t.not(after.tree, 'none');
  t.false(codesOf(after).some((code) => code.startsWith('keeper_')));
});

test.serial('keeper_failed: a keeper that may not be executed, until it may', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'procguard-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const keeper = join(folder, 'build/Release/procguard-keeper');
  await cp(join(ROOT, 'dist/lib'), join(folder, 'dist/lib'), { recursive: true });
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await mkdir(join(folder, 'build/Release'), { recursive: true });
  for (const name of ['procguard.node', 'procguard-keeper']) {
    await copyFile(join(ROOT, 'build/Release', name), join(folder, 'build/Release', name));
  }
  await chmod(keeper, 0o644);
  const program = join(folder, 'try.mjs');
  await writeFile(
    program,
    `import { chmodSync } from 'node:fs';
    import { capabilities, guardOf, spawn } from './dist/lib/index.js';
    const deadlineMs = performance.now() + ${DEADLINE_MS};
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const until = (state) => {
      while (capabilities().keeper.state !== state) {
        if (performance.now() > deadlineMs) { child.kill('SIGKILL'); throw new Error('never ' + state); }
      }
      return guardOf(child);
    };
    const failed = until('failed');
    chmodSync(process.argv[2], 0o755);
    const running = until('running');
    console.log(JSON.stringify({ failed, running }));
    child.kill('SIGKILL');`,
  );
  const { failed, running } = await runNode(program, keeper);
  t.like(failed, { link: 'pdeathsig', tree: 'none' });
  const downgrade = failed.downgrades.find(({ code }: { code: string }) => code === 'keeper_failed');
  t.regex(downgrade?.message ?? '', /EACCES/);
  t.true(downgrade?.remedy.includes(`chmod +x '${keeper}'`), downgrade?.remedy);
  t.not(running.tree, 'none');
  t.false(codesOf(running).includes('keeper_failed'));
});

for (const { tree, disable } of modes) {
  // A registry full of real children takes 32767 processes, and a machine that has as many pids. The count of slots is in
  // the memory that the keeper shares with its host, so it can be set from outside.
  test.serial(
    `registry_full: a child without a slot dies with its host all the same (${tree})`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable });
      const keeper = await host.keeperPid();
      const registry = openSync(`/proc/${keeper}/fd/${KEEPER_REGISTRY_FD}`, 'r+');
      try {
        writeSync(registry, new Uint8Array(new Uint32Array([REGISTRY_SLOTS]).buffer), 0, 4, 0);
      } finally {
        closeSync(registry);
      }
      const args = lifelines.arguments('child', 'plain', 'setsid', 'double');
      const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
      t.like(guard, { link: 'pdeathsig', tree });
      t.true(codesOf(guard).includes('registry_full'), codesOf(guard).join());
      const lives = await lifelines.takeAll(['child', 'plain', 'setsid', 'double']);
      await host.die('SIGKILL');
      await t.notThrowsAsync(allGone(lives));
      await t.notThrowsAsync(processGone(keeper));
    },
  );

  test.serial(`keeper_at_work: a sweep leaves the tree to its keeper (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const [child, ...descendants] = await startTree(host, lifelines);
    const keeper = await host.keeperPid();
    // A stopped keeper is at work for as long as the test wants.
    process.kill(keeper, 'SIGSTOP');
    try {
      await host.die('SIGKILL');
      await child!.gone();
      await using sweeper = new Host();
      const { found, skipped } = await sweeper.ask<SweepReport>('sweep');
      for (const { pid } of descendants) {
        t.false(found.includes(pid));
        t.is(skipped.find((process) => process.pid === pid)?.reason, 'keeper_at_work');
      }
      await t.notThrowsAsync(allAnswer(descendants));
    } finally {
      process.kill(keeper, 'SIGCONT');
    }
    await t.notThrowsAsync(allGone(descendants));
    await t.notThrowsAsync(processGone(keeper));
  });
}

withCgroup("cgroup_refused: a child whose cgroup was removed behind the host's back", async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const keeper = await host.keeperPid();
  const { cgroup } = await host.ask<{ cgroup: string }>('capabilities');
  rmdirSync(join(cgroup, 'now'));
  const args = lifelines.arguments('child', 'plain', 'setsid', 'double');
  const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
  t.like(guard, { link: 'pdeathsig', tree: 'mark' });
  const downgrade = guard.downgrades.find(({ code }) => code === 'cgroup_refused');
  t.regex(downgrade?.message ?? '', /ENODEV|ENOENT/);
  const lives = await lifelines.takeAll(['child', 'plain', 'setsid', 'double']);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
  await processGone(keeper);
  t.false(existsSync(cgroup), cgroup);
});

/** The mark of a host that is dead, and whose keeper is too. */
async function deadMark(lifelines: Lifelines): Promise<string> {
  await using host = new Host({ disable: 'keeper' });
  const [child] = await startTree(host, lifelines, { layers: ['child'] });
  await host.die('SIGKILL');
  await child!.gone();
  return child!.mark;
}

test.serial("own_ancestor: a sweeper that carries a dead host's mark", async (t) => {
  await using lifelines = await Lifelines.open();
  await using sweeper = new Host({ env: { PROCGUARD_HOST: await deadMark(lifelines) } });
  const { found, skipped } = await sweeper.ask<SweepReport>('sweep');
  t.false(found.includes(sweeper.pid));
  t.is(skipped.find(({ pid }) => pid === sweeper.pid)?.reason, 'own_ancestor');
});

asRoot("other_namespace: a dead host's mark on a process of another pid namespace", async (t) => {
  await using lifelines = await Lifelines.open();
  const mark = await deadMark(lifelines);
  // unshare itself stays in this namespace, where its mark would count.
  const command = ['--pid', '--fork', 'env', `PROCGUARD_HOST=${mark}`, lifelines.program];
  const unshare = spawnUnguarded('unshare', [...command, ...lifelines.arguments('namespaced')], {
    stdio: 'ignore',
  });
  const namespaced = await lifelines.take('namespaced');
  await using sweeper = new Host();
  const { skipped } = await sweeper.ask<SweepReport>('sweep');
  // Its own pid is 1 to itself.
  const entry = skipped.find(({ pid }) => readStat(pid)?.ppid === unshare.pid);
  t.is(entry?.reason, 'other_namespace');
  await t.notThrowsAsync(namespaced.answers());
});

// A member that has become another user for good, in a group whose leader the host may signal.
asRoot('group_signalled: a member that may not be signalled, in a group that the tree leads', async (t) => {
  await using lifelines = await Lifelines.open();
  const program = join(lifelines.folder, 'set-user-id-life');
  copyFileSync(lifelines.program, program);
  chmodSync(program, 0o4755);
  await using host = new Host({ uid: 65_533, gid: 65_533 });
  const args = ['-c', '"$0" "$@" & wait', program, ...lifelines.arguments('stranger', 'drop-uid')];
  const { pid } = await host.start(['/bin/sh', args, { stdio: 'ignore', detached: true }]);
  const stranger = await lifelines.take('stranger');
  const request = { pid, options: { signal: 'SIGKILL' } };
  const report = await host.ask<KillTreeReport>('killTree', request);
  t.deepEqual(report.killed, [pid]);
  t.deepEqual(report.survivors, [stranger.pid]);
  const [note] = report.notes.filter(({ code }) => code === 'group_signalled');
  t.true(note?.message.includes(`process group ${pid}`), JSON.stringify(report.notes));
  // The kernel takes the signal for the whole group when one member got it.
  t.like(note, { pids: [stranger.pid], living: [stranger.pid] });
  await t.notThrowsAsync(stranger.answers());
});

test.serial('ERR_PROCGUARD_SYSTEM: no descriptor is left to read the process table with', async (t) => {
  const { errors, survivors, notes } = await runNode(fixture('no-descriptors.mjs'));
  for (const error of errors) {
    t.like(error, {
      name: 'ProcguardError',
      code: 'ERR_PROCGUARD_SYSTEM',
      errno: -constants.errno.EMFILE,
      syscall: 'open',
    });
    t.regex(error.message, /EMFILE/);
  }
  // Nothing was changed by the failure: the same call succeeds once it can.
  t.deepEqual({ survivors, notes }, { survivors: [], notes: [] });
});
