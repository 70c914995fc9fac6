import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { KillTreeReport, SweepReport } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { type Guard, Host, HostError } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { inMountNamespace, needsRoot } from '../helpers/namespaces.js';
import { allAnswer, allGone, startTree } from '../helpers/tree.js';

/** How /proc is taken away, and what is said of that. */
const WAYS = {
  'without /proc': { command: 'umount -l /proc', said: /isn't mounted/ },
  'with an empty folder as /proc': { command: 'mount -t tmpfs none /proc', said: /isn't mounted/ },
};

const codesOf = ({ downgrades }: Guard) => downgrades.map(({ code }) => code);

for (const [label, { command, said }] of Object.entries(WAYS)) {
  const launcher = inMountNamespace(command);

  needsRoot(`${label}: children start, end and are killed as ever`, async (t) => {
    await using host = new Host({ launcher });
    const ending = await host.start(['/bin/sh', ['-c', 'exit 7'], { stdio: 'ignore' }]);
    t.deepEqual(await host.ask('exit', ending), { code: 7, signal: null });
    const killed = await host.start(['/bin/cat', [], { stdio: 'pipe' }]);
    t.true(await host.ask('kill', { ...killed, signal: 'SIGTERM' }));
    t.deepEqual(await host.ask('exit', killed), { code: null, signal: 'SIGTERM' });
  });

  needsRoot(`R7.1 ${label}: a child dies with its host, and that its tree doesn't is said`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    const args = lifelines.arguments('child', 'setsid');
    const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
    const [child, setsid] = await lifelines.takeAll(['child', 'setsid']);
    t.like(guard, { link: 'pdeathsig', tree: 'none' });
    const downgrade = guard.downgrades.find(({ code }) => code === 'keeper_needs_proc');
    t.regex(downgrade?.message ?? codesOf(guard).join(), said);
    t.regex(downgrade?.remedy ?? '', /mount -t proc/);
    t.like(await host.ask<Guard>('capabilities'), { link: 'pdeathsig', tree: 'none' });
    await host.die('SIGKILL');
    await t.notThrowsAsync(child!.gone());
    await t.notThrowsAsync(setsid!.answers());
  });

  needsRoot(`${label}: control: with the guard off, the child survives`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    const lives = await startTree(host, lifelines, { options: { guard: false } });
    await host.die('SIGKILL');
    await t.notThrowsAsync(allAnswer(lives));
  });

  needsRoot(`${label}: a grace is not waited for, and that is said`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    const args = lifelines.arguments('child', 'term-ignored');
    const options = { stdio: 'ignore', guard: { graceMs: 300_000 } };
    const { guard } = await host.start([lifelines.program, args, options]);
    const child = await lifelines.take('child');
    t.true(codesOf(guard).includes('grace_lost'), codesOf(guard).join());
    await host.die('SIGKILL');
    await t.notThrowsAsync(child.gone());
  });

  needsRoot(`${label}: killTree and sweep refuse, and say what to mount`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    const args = lifelines.arguments('child');
    const started = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
    const child = await lifelines.take('child');
    for (const operation of ['killTree', 'sweep']) {
      const error = await t.throwsAsync<HostError>(host.ask(operation, started), { instanceOf: HostError });
      t.is(error?.code, 'ERR_PROCGUARD_SYSTEM');
      t.regex(error?.message ?? '', said);
      t.regex(error?.message ?? '', /mount -t proc/);
    }
    await t.notThrowsAsync(child.answers());
  });

  needsRoot(`${label}: doctor names it`, async (t) => {
    const [unshare, ...rest] = [...launcher, process.execPath, 'bin/procguard.cjs', 'doctor'];
    const failed = await t.throwsAsync<Error & { stdout: string; code: number }>(
      promisify(execFile)(unshare as string, rest, { cwd: ROOT }),
    );
    t.is(failed?.code, 1);
    t.regex(failed?.stdout ?? '', said);
    t.regex(failed?.stdout ?? '', /missing +keeper/);
    t.regex(failed?.stdout ?? '', /missing +orphans/);
    t.notRegex(failed?.stdout ?? '', /missing +child/);
  });

  needsRoot(
    `${label}: procguard run ends its command with its parent, and says that it ends no more`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      const command = ['bin/procguard-run', lifelines.program, ...lifelines.arguments('child')];
      const [unshare, ...rest] = [...launcher, 'sh', '-c', '"$@" & wait', 'sh', ...command];
      const parent = spawn(unshare as string, rest, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
      const [text] = await within(once(parent.stderr.setEncoding('utf8'), 'data'), 'the warning');
      t.regex(text, /\/proc isn't mounted: only the command itself is guarded/);
      const child = await lifelines.take('child');
      parent.kill('SIGKILL');
      await t.notThrowsAsync(child.gone());
    },
  );

  needsRoot(`${label}: procguard run in Node ends as its command does`, async (t) => {
    const command = ['bin/procguard.cjs', 'run', '--grace', '1s', '--', 'sh', '-c', 'exit 7'];
    const [unshare, ...rest] = [...launcher, process.execPath, ...command];
    const ended = promisify(execFile)(unshare as string, rest, { cwd: ROOT });
    t.is((await t.throwsAsync<Error & { code: number }>(ended))?.code, 7);
  });

  needsRoot(
    `${label}: a pool answers, ends its workers, and says that it can't tell what they left`,
    async (t) => {
      const [unshare, ...rest] = [...launcher, process.execPath, fixture('linux/pool.mjs')];
      const { stdout } = await promisify(execFile)(unshare as string, rest, { cwd: ROOT });
      const { answer, closed, alive } = JSON.parse(stdout);
      t.deepEqual({ answer, alive }, { answer: 'hello', alive: false });
      t.regex(closed, /^ERR_PROCGUARD_SYSTEM/);
      t.regex(closed, said);
    },
  );
}

needsRoot(
  'with a /proc that has processes and nothing else: trees end, and a sweep is sure of nothing',
  async (t) => {
    const launcher = inMountNamespace('mount -t proc -o subset=pid proc /proc');
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    const lives = await startTree(host, lifelines, { words: ['term-ignored'] });
    const request = { pid: lives[0]!.pid, options: { signal: 'SIGKILL' } };
    const { killed, survivors } = await host.ask<KillTreeReport>('killTree', request);
    t.deepEqual(killed.toSorted(), lives.map(({ pid }) => pid).toSorted());
    t.deepEqual(survivors, []);
    const others = await startTree(host, lifelines);
    // No boot id: every mark may be of another boot.
    const { found, skipped } = await host.ask<SweepReport>('sweep', { options: { dryRun: true } });
    t.deepEqual(found, []);
    for (const { pid } of others) t.is(skipped.find((one) => one.pid === pid)?.reason, 'other_boot');
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(others));
  },
);

const FOREIGN = ['unshare', '--pid', '--fork', '--kill-child'];

needsRoot('with the /proc of another pid namespace: no pid of it is taken for one of ours', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ launcher: FOREIGN });
  const lives = await startTree(host, lifelines);
  const { guard } = await host.start(['/bin/cat', [], { stdio: 'pipe' }]);
  t.like(guard, { link: 'pdeathsig', tree: 'none' });
  const downgrade = guard.downgrades.find(({ code }) => code === 'keeper_needs_proc');
  t.regex(downgrade?.message ?? codesOf(guard).join(), /another pid namespace/);
  t.regex(downgrade?.remedy ?? '', /--mount-proc/);
  for (const operation of ['killTree', 'sweep']) {
    const error = await t.throwsAsync<HostError>(host.ask(operation, { pid: 2 }), { instanceOf: HostError });
    t.is(error?.code, 'ERR_PROCGUARD_SYSTEM');
    t.regex(error?.message ?? '', /another pid namespace/);
  }
  await t.notThrowsAsync(allAnswer(lives));
  // Pid 1 ends, and its namespace with it.
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});
