import test from 'ava';
import { type Guard, Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, startTree } from '../helpers/tree.js';

const FALLBACKS = [
  'clone3',
  'pidfd',
  'waitid-pidfd',
  'pidfd-signal',
  'shared-child',
  'clone3,shared-child',
  'cgroup',
  'keeper',
  'clone3,cgroup',
  'clone3,pidfd',
  'pidfd,cgroup',
  'waitid-pidfd,keeper',
  'clone3,pidfd,waitid-pidfd',
  'clone3,pidfd,waitid-pidfd,cgroup',
  'clone3,pidfd,waitid-pidfd,cgroup,keeper',
];

/** What `capabilities` calls the lack of each mechanism. */
const DOWNGRADES: Record<string, string> = {
  clone3: 'no_clone3',
  pidfd: 'no_pidfd',
  'waitid-pidfd': 'no_waitid_pidfd',
  'pidfd-signal': 'no_pidfd_signal',
  'shared-child': 'no_shared_child',
  cgroup: 'cgroup_disabled',
  keeper: 'keeper_disabled',
};

for (const disable of FALLBACKS) {
  const mechanisms = disable.split(',');
  const label = `without ${mechanisms.join(', ')}`;

  test.serial(`${label}: children start, end and are killed as ever`, async (t) => {
    await using host = new Host({ disable });
    const ending = await host.start(['/bin/sh', ['-c', 'exit 7'], { stdio: 'ignore' }]);
    t.deepEqual(await host.ask('exit', ending), { code: 7, signal: null });
    const killed = await host.start(['/bin/cat', [], { stdio: 'pipe' }]);
    t.true(await host.ask('kill', { ...killed, signal: 'SIGTERM' }));
    t.deepEqual(await host.ask('exit', killed), { code: null, signal: 'SIGTERM' });
    const missing = host.start(['/nonexistent/program']);
    t.like(await t.throwsAsync(missing), {
      code: 'ENOENT',
      errno: -2,
      syscall: 'spawn /nonexistent/program',
    });
  });

  test.serial(`${label}: a child dies with its host`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    // Without a keeper descendants outlive the host, which is what sweep is for.
    const layers = mechanisms.includes('keeper') ? ['child'] : undefined;
    const lives = await startTree(host, lifelines, layers ? { layers } : {});
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  test.serial(`${label}: a Worker's end kills nothing`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    await host.ask('startWorker');
    const lives = await startTree(host, lifelines, { inWorker: true, layers: ['child'] });
    await host.ask('endWorker', { how: 'terminate' });
    await t.notThrowsAsync(allAnswer(lives));
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  test.serial(`${label}: guardOf and capabilities say so`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const args = lifelines.arguments('child');
    const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
    const capabilities = await host.ask<Guard>('capabilities');
    t.like(capabilities, { link: 'pdeathsig' });
    t.like(guard, { link: 'pdeathsig', tree: capabilities.tree });
    if (mechanisms.includes('keeper')) t.is(guard.tree, 'none');
    else if (mechanisms.includes('cgroup')) t.is(guard.tree, 'mark');
    for (const { downgrades } of [guard, capabilities]) {
      for (const { code, message, remedy } of downgrades) {
        t.regex(code, /^[a-z][a-z0-9_]+$/);
        t.true(message.length > 0 && remedy.length > 0);
      }
    }
    const codes = capabilities.downgrades.map(({ code }) => code);
    for (const mechanism of mechanisms) {
      // Without pidfds there is nothing to wait for by pidfd.
      if (mechanism === 'waitid-pidfd' && mechanisms.includes('pidfd')) continue;
      t.true(codes.includes(DOWNGRADES[mechanism]!), `${mechanism} in ${codes}`);
    }
  });
}

test.serial('on an unsupported platform children start unguarded, and guardOf says so', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ disable: 'platform' });
  const args = lifelines.arguments('child');
  const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
  const child = await lifelines.take('child');
  t.like(guard, { link: 'none', tree: 'none' });
  t.true(guard.downgrades.length > 0);
  t.is(child.mark, '-');
  await host.die('SIGKILL');
  await t.notThrowsAsync(child.answers());
});
