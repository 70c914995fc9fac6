import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import type { KillTreeReport, SweepReport } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { compiledFixture, ROOT } from '../helpers/fixtures.js';
import { type Guard, Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { lockMachine } from '../helpers/machine-lock.js';
import { allAnswer, allGone, LAYERS, startTree } from '../helpers/tree.js';

interface Sandbox {
  readonly error: 'ENOSYS' | 'EPERM';
  readonly calls: readonly string[];
  /** What `capabilities` says of it. */
  readonly codes: readonly string[];
}

const PIDFD = ['pidfd_open', 'pidfd_send_signal', 'waitid-pidfd'];

/**
 * Kernels lack calls, and sandboxes refuse them, by ENOSYS or EPERM. clone3 by EPERM, as an old profile of Docker has it,
 * can't be tried with Node: the C library makes threads by clone3 and gives up at EPERM, so that Node itself does not start.
 * procguard-run, which has no threads, is below. A sandbox that kills at an unknown call would kill Node, too.
 */
const SANDBOXES: readonly Sandbox[] = [
  { error: 'ENOSYS', calls: PIDFD, codes: ['no_pidfd'] },
  { error: 'EPERM', calls: PIDFD, codes: ['no_pidfd'] },
  { error: 'EPERM', calls: ['pidfd_send_signal'], codes: ['no_pidfd_signal'] },
  { error: 'ENOSYS', calls: ['waitid-pidfd'], codes: ['no_waitid_pidfd'] },
  { error: 'ENOSYS', calls: ['clone3', 'close_range'], codes: ['no_clone3', 'cgroup_no_clone3'] },
  {
    error: 'ENOSYS',
    calls: ['clone3', 'close_range', ...PIDFD],
    codes: ['no_clone3', 'no_pidfd', 'cgroup_no_clone3'],
  },
  { error: 'EPERM', calls: ['pdeathsig'], codes: ['link_refused'] },
  {
    error: 'EPERM',
    calls: ['pdeathsig', 'close_range', ...PIDFD],
    codes: ['link_refused', 'no_pidfd'],
  },
];

const program = compiledFixture('refuse-calls');
const codesOf = ({ downgrades }: Guard) => downgrades.map(({ code }) => code);

test.before(() => lockMachine('sweep'));

for (const { error, calls, codes } of SANDBOXES) {
  const label = `${calls.join(', ')} refused by ${error}`;
  const launcher = [program, error, calls.join()];
  const isUnlinked = calls.includes('pdeathsig');

  test.serial(`${label}: capabilities and guardOf say what is weaker`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    await host.keeperPid();
    const found = await host.ask<Guard>('capabilities');
    for (const code of codes) t.true(codesOf(found).includes(code), `${code} in ${codesOf(found)}`);
    const args = lifelines.arguments('child');
    const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
    t.like(guard, { link: isUnlinked ? 'none' : 'pdeathsig', tree: found.tree });
    t.is(found.link, guard.link);
    t.is(codesOf(guard).includes('link_refused'), isUnlinked);
    t.not(guard.tree, 'none');
    await lifelines.take('child');
  });

  test.serial(`${label}: children start, end and are killed as ever`, async (t) => {
    await using host = new Host({ launcher });
    const ending = await host.start(['/bin/sh', ['-c', 'exit 7'], { stdio: 'ignore' }]);
    t.deepEqual(await host.ask('exit', ending), { code: 7, signal: null });
    const killed = await host.start(['/bin/cat', [], { stdio: 'pipe' }]);
    t.true(await host.ask('kill', { ...killed, signal: 'SIGTERM' }));
    t.deepEqual(await host.ask('exit', killed), { code: null, signal: 'SIGTERM' });
  });

  test.serial(`R7.1 ${label}: a host that dies by SIGKILL takes its whole tree along`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    const lives = await startTree(host, lifelines);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  test.serial(`${label}: control: with the guard off, the tree survives`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    const lives = await startTree(host, lifelines, { options: { guard: false } });
    await host.die('SIGKILL');
    await t.notThrowsAsync(allAnswer(lives));
  });

  test.serial(`${label}: killTree ends a tree, those that ignore SIGTERM too`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ launcher });
    const lives = await startTree(host, lifelines, { words: ['term-ignored'] });
    const request = { pid: lives[0]!.pid, options: { graceMs: 50 } };
    const { survivors, killed } = await host.ask<KillTreeReport>('killTree', request);
    t.deepEqual(survivors, []);
    t.deepEqual(killed.toSorted(), lives.map(({ pid }) => pid).toSorted());
    await t.notThrowsAsync(allGone(lives));
  });

  test.serial(`${label}: a sweep ends what a dead host has left`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable: 'keeper' });
    const [child, ...orphans] = await startTree(host, lifelines);
    await host.die('SIGKILL');
    await child!.gone();
    await using sweeper = new Host({ launcher });
    const { found, survivors } = await sweeper.ask<SweepReport>('sweep');
    for (const { pid } of orphans) t.true(found.includes(pid), `${pid} in ${found}`);
    t.deepEqual(survivors, []);
    await t.notThrowsAsync(allGone(orphans));
  });
}

const RUNS: readonly (readonly ['ENOSYS' | 'EPERM', readonly string[]])[] = [
  ['EPERM', ['clone3']],
  ['ENOSYS', ['clone3', 'close_range', ...PIDFD]],
  ['EPERM', ['pdeathsig', 'clone3', ...PIDFD]],
];

for (const [error, calls] of RUNS) {
  test.serial(
    `R7.1 ${calls.join(', ')} refused by ${error}: procguard run ends a tree with its parent`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      const run = [join(ROOT, 'build/Release/procguard-run'), 'run', '--grace=0', '--', lifelines.program];
      const command = [
        program,
        error,
        calls.join(),
        ...run,
        ...lifelines.arguments('child', 'plain', 'setsid', 'double'),
      ];
      const parent = spawn('sh', ['-c', '"$@" & wait', 'sh', ...command], { stdio: 'ignore' });
      const lives = await lifelines.takeAll(LAYERS);
      const ended = once(parent, 'exit');
      parent.kill('SIGKILL');
      await within(ended, 'the parent to end');
      await t.notThrowsAsync(allGone(lives));
    },
  );
}
