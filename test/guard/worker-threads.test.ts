import test from 'ava';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, startTree, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

for (const { tree, disable } of modes) {
  for (const how of ['terminate', 'return']) {
    test.serial(`a Worker's end (${how}) kills nothing, its host's does (${tree})`, async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable });
      await host.ask('startWorker');
      const lives = await startTree(host, lifelines, { inWorker: true });
      await host.ask('endWorker', { how });
      await t.notThrowsAsync(allAnswer(lives));
      await host.die('SIGKILL');
      await t.notThrowsAsync(allGone(lives));
    });
  }

  test.serial(`children of the main thread and of a Worker die with one host (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    await host.ask('startWorker');
    const lives = (
      await Promise.all([startTree(host, lifelines), startTree(host, lifelines, { inWorker: true })])
    ).flat();
    await allAnswer(lives);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });
}

test.serial('one host has one keeper, whichever thread spawns first', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  await host.ask('startWorker');
  await startTree(host, lifelines, { inWorker: true });
  const keeper = async (inWorker: boolean) =>
    (await host.ask<{ keeper: { pid: number } }>('capabilities', { inWorker })).keeper.pid;
  const before = await keeper(true);
  await startTree(host, lifelines);
  t.is(await keeper(false), before);
});

test.serial('Workers come and go, while the main thread has spawned nothing', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const lives = [];
  for (let round = 0; round < 5; round++) {
    await host.ask('startWorker');
    lives.push(...(await startTree(host, lifelines, { inWorker: true, layers: ['child'] })));
    await host.ask('endWorker', { how: 'terminate' });
  }
  await allAnswer(lives);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

test.serial('a Worker learns how its child ended', async (t) => {
  await using host = new Host();
  await host.ask('startWorker');
  const { pid } = await host.start(['/bin/sh', ['-c', 'exit 7']], { inWorker: true });
  t.deepEqual(await host.ask('exit', { pid, inWorker: true }), { code: 7, signal: null });
});

test.serial('control: without the guard, children of a Worker survive its host', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  await host.ask('startWorker');
  const lives = await startTree(host, lifelines, { inWorker: true, options: { guard: false } });
  await host.die('SIGKILL');
  await t.notThrowsAsync(allAnswer(lives));
});
