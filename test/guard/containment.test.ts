import test from 'ava';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, startTree, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

for (const { tree, disable } of modes) {
  test.serial(`guardOf names the link and the tree (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const { guard } = await host.start([
      lifelines.program,
      lifelines.arguments('child'),
      { stdio: 'ignore' },
    ]);
    t.like(guard, { link: 'pdeathsig', tree });
  });

  test.serial(
    `containment 'process' kills the child and leaves its descendants alone (${tree})`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable });
      const options = { guard: { containment: 'process' } };
      const [child, ...descendants] = await startTree(host, lifelines, { options });
      await host.die('SIGKILL');
      await child!.gone();
      await t.notThrowsAsync(allAnswer(descendants));
    },
  );

  test.serial(`detached: true has a session of its own and stays guarded (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines, { options: { detached: true } });
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });
}

for (const env of [{}, { PROCGUARD_HOST: 'something else' }, { procguard_host: 'x', PATH: '/bin' }]) {
  test.serial(`the mark is added to the environment ${JSON.stringify(env)}`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable: 'cgroup' });
    const lives = await startTree(host, lifelines, { options: { env } });
    for (const { mark } of lives) t.true(mark.startsWith(`${host.pid}:`), mark);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });
}

test.serial('containment: process: guardOf says that no tree is held', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const options = { stdio: 'ignore', guard: { containment: 'process' } };
  const { guard } = await host.start([lifelines.program, lifelines.arguments('child'), options]);
  t.like(guard, { link: 'pdeathsig', tree: 'none' });
});

test.serial('guard: false: guardOf says that nothing holds', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const options = { stdio: 'ignore', guard: false };
  const { guard } = await host.start([lifelines.program, lifelines.arguments('child'), options]);
  t.like(guard, { link: 'none', tree: 'none' });
});

if (modes.some(({ tree }) => tree === 'cgroup')) {
  test.serial('a cgroup holds even descendants that dropped the mark', async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host();
    const lives = await startTree(host, lifelines, { words: ['unmarked'] });
    t.deepEqual(
      lives.slice(1).map(({ mark }) => mark),
      ['-', '-', '-'],
    );
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });
}
