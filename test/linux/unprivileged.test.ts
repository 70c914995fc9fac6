import test from 'ava';
import type { KillTreeReport, SweepReport } from '../../lib/index.js';
import { type Guard, Host, type HostOptions } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { lockMachine } from '../helpers/machine-lock.js';
import { inMountNamespace } from '../helpers/namespaces.js';
import { canBecomeNobody, NOBODY } from '../helpers/privilege.js';
import { allAnswer, allGone, startTree } from '../helpers/tree.js';

const asRoot = canBecomeNobody ? test.serial : test.serial.skip;

const become = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

const CASES: Record<string, HostOptions> = {
  'a user without rights': NOBODY,
  'the root of a user namespace': { ...NOBODY, launcher: ['unshare', '--user', '--map-root-user'] },
  'nobody in a user namespace': { ...NOBODY, launcher: ['unshare', '--user'] },
  'pid 1 of a container without root': {
    ...NOBODY,
    launcher: ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc'],
  },
  'a user who sees no processes of others (hidepid=2)': {
    launcher: [...inMountNamespace('mount -t proc -o hidepid=2 proc /proc'), ...become],
  },
};

test.before(() => lockMachine('sweep'));

for (const [label, options] of Object.entries(CASES)) {
  asRoot(`R7.1 the host is ${label}: it takes its whole tree along`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host(options);
    const lives = await startTree(host, lifelines);
    await host.keeperPid();
    const found = await host.ask<Guard>('capabilities');
    t.like(found, { link: 'pdeathsig', tree: 'mark' });
    const downgrade = found.downgrades.find(({ code }) => code === 'cgroup_denied');
    t.regex(downgrade?.message ?? JSON.stringify(found), /EACCES|EPERM/);
    t.regex(downgrade?.remedy ?? '', /Delegate/);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  asRoot(`the host is ${label}: killTree and sweep do their work`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host(options);
    const lives = await startTree(host, lifelines, { words: ['term-ignored'] });
    const request = { pid: lives[0]!.pid, options: { graceMs: 50 } };
    const { survivors } = await host.ask<KillTreeReport>('killTree', request);
    t.deepEqual(survivors, []);
    await t.notThrowsAsync(allGone(lives));
    const swept = await host.ask<SweepReport>('sweep');
    t.deepEqual(swept.survivors, []);
  });
}

// The last of them ends with its namespace.
for (const [label, options] of Object.entries(CASES).filter(([label]) => !label.startsWith('pid 1'))) {
  asRoot(`the host is ${label}: control: with the guard off, the tree survives`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host(options);
    const lives = await startTree(host, lifelines, { options: { guard: false } });
    await host.die('SIGKILL');
    await t.notThrowsAsync(allAnswer(lives));
  });
}

asRoot('an orphan of a user who sees no others is found by that user, and by root', async (t) => {
  await using lifelines = await Lifelines.open();
  const hidden = CASES['a user who sees no processes of others (hidepid=2)'] as HostOptions;
  await using host = new Host({ ...hidden, disable: 'keeper' });
  const [child, ...orphans] = await startTree(host, lifelines);
  await host.die('SIGKILL');
  await child!.gone();
  await using root = new Host();
  const { found } = await root.ask<SweepReport>('sweep', { options: { dryRun: true } });
  for (const { pid } of orphans) t.true(found.includes(pid));
  await using user = new Host(hidden);
  const swept = await user.ask<SweepReport>('sweep');
  t.deepEqual(swept.survivors, []);
  for (const { pid } of orphans) t.true(swept.killed.includes(pid));
  await t.notThrowsAsync(allGone(orphans));
});
