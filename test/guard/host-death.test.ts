import test from 'ava';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, startTree, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

const DEATHS = [
  { how: 'SIGKILL', end: { code: null, signal: 'SIGKILL' } },
  { how: 'SIGTERM', end: { code: null, signal: 'SIGTERM' } },
  { how: 'SIGSEGV', end: { code: null, signal: 'SIGSEGV' } },
  { how: 'abort', end: { code: null, signal: 'SIGABRT' } },
  { how: 'out of memory', end: { code: null, signal: 'SIGABRT' } },
  { how: 'throw', end: { code: 1, signal: null } },
  { how: 'rejection', end: { code: 1, signal: null } },
  { how: 'exit', end: { code: 3, signal: null } },
  { how: 'end', end: { code: 0, signal: null } },
] as const;

const execArgv = ['--max-old-space-size=48'];

for (const { tree, disable } of modes) {
  for (const { how, end } of DEATHS) {
    test.serial(`R7.2 a host that dies by ${how} takes its whole tree along (${tree})`, async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable, execArgv });
      const lives = await startTree(host, lifelines);
      await allAnswer(lives);
      t.like(await host.die(how), end);
      await t.notThrowsAsync(allGone(lives));
    });
  }

  test.serial(`a host with many trees takes all of them along (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = (await Promise.all(Array.from({ length: 12 }, () => startTree(host, lifelines)))).flat();
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  test.serial(`a stopped tree dies with its host too (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines);
    for (const { pid } of lives) process.kill(pid, 'SIGSTOP');
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  test.serial(`a tree that keeps forking dies with its host (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines, { layers: ['child'], words: ['hydra'] });
    await host.die('SIGKILL');
    // Every member holds the connection: it closes with the last one.
    await t.notThrowsAsync(allGone(lives));
  });
}

for (const { how, end } of DEATHS) {
  test.serial(`control: with the guard off, the tree survives a host that dies by ${how}`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ execArgv });
    const lives = await startTree(host, lifelines, { options: { guard: false } });
    t.like(await host.die(how), end);
    await t.notThrowsAsync(allAnswer(lives));
  });
}

test.serial('an unguarded child has no mark of its host', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const [guarded] = await startTree(host, lifelines, { layers: ['child'] });
  const [unguarded] = await startTree(host, lifelines, { layers: ['child'], options: { guard: false } });
  t.true(guarded!.mark.startsWith(`${host.pid}:`));
  t.is(unguarded!.mark, '-');
});

test.serial('a host that ends with nothing left to guard ends at once', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const [child] = await startTree(host, lifelines, { layers: ['child'] });
  child!.exit(0);
  await child!.gone();
  t.like(await host.die('end'), { code: 0, signal: null });
});
