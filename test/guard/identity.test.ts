import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { canBecomeNobody, NOBODY } from '../helpers/privilege.js';
import { readProc } from '../helpers/proc.js';
import { allAnswer, allGone, LAYERS, startTree, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

const asRoot = canBecomeNobody ? test.serial : test.serial.skip;

/** Starts a tree whose processes run as another user from the start. */
async function startTreeOfNobody(host: Host, lifelines: Lifelines, guard: boolean) {
  // The package's folder may be closed to that user.
  const program = join(lifelines.folder, 'life-of-nobody');
  copyFileSync(lifelines.program, program);
  const args = lifelines.arguments('child', 'plain', 'setsid', 'double');
  await host.start([program, args, { stdio: 'ignore', cwd: '/', guard, ...NOBODY }]);
  return lifelines.takeAll(LAYERS);
}

const uids = (pid: number) => /Uid:\s*(\d+)\s+(\d+)/.exec(readProc(pid, 'status')!)!.slice(1, 3);

for (const { tree, disable } of modes) {
  asRoot(`children that run as another user die with a host of root (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTreeOfNobody(host, lifelines, true);
    for (const { pid } of lives) t.deepEqual(uids(pid), ['65534', '65534']);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  asRoot(`children that change their user, which clears PDEATHSIG, die too (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines, { words: ['drop-uid'] });
    for (const { pid } of lives) t.deepEqual(uids(pid), ['65534', '65534']);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  asRoot(`a host that runs as an ordinary user guards its tree (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable, ...NOBODY });
    const lives = await startTree(host, lifelines);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });
}

asRoot('without a keeper, PDEATHSIG is armed again after a change of user', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ disable: 'keeper' });
  const [child] = await startTreeOfNobody(host, lifelines, true);
  await host.die('SIGKILL');
  await t.notThrowsAsync(child!.gone());
});

asRoot(
  'a set-user-id program, which the kernel lets go, is said to be so and dies all the same',
  async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host(NOBODY);
    const program = join(lifelines.folder, 'life-of-root');
    copyFileSync(lifelines.program, program);
    chmodSync(program, 0o4755);
    const start = await host.start([program, lifelines.arguments('child'), { stdio: 'ignore' }]);
    const child = await lifelines.take('child');
    t.is(start.guard.link, 'none');
    t.true(start.guard.downgrades.some(({ code }) => code === 'link_cleared'));
    await host.die('SIGKILL');
    await t.notThrowsAsync(child.gone());
  },
);

asRoot('control: unguarded children of another user survive', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const lives = await startTreeOfNobody(host, lifelines, false);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allAnswer(lives));
});
