import test from 'ava';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { lockMachine } from '../helpers/machine-lock.js';
import { processGone } from '../helpers/proc.js';
import { allGone, startTree, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

test.before(async () => {
  await lockMachine('sweep');
});

for (const { tree, disable } of modes) {
  test.serial(
    `graceMs: the whole tree is told by SIGTERM, and dies when the time is over (${tree})`,
    async (t) => {
      // Long enough for a process that has to wait for its turn on a busy machine.
      const graceMs = 1500;
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable });
      const lives = await startTree(host, lifelines, {
        options: { guard: { graceMs } },
        words: ['term-told'],
      });
      const dying = performance.now();
      await host.die('SIGKILL');
      await Promise.all(lives.map((life) => life.says('sigterm')));
      const deaths = await Promise.all(lives.map((life) => life.gone()));
      for (const died of deaths) t.true(died - dying >= graceMs - 50, `dead after ${died - dying} ms`);
    },
  );

  test.serial(`graceMs: a tree that ends on SIGTERM is not waited for (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines, { options: { guard: { graceMs: 300_000 } } });
    const keeper = await host.keeperPid();
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
    await t.notThrowsAsync(processGone(keeper));
  });

  test.serial(`graceMs: each child of one host has its own (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const slow = await startTree(host, lifelines, {
      options: { guard: { graceMs: 500 } },
      words: ['term-told'],
    });
    const fast = await startTree(host, lifelines, { words: ['term-told'] });
    await host.die('SIGKILL');
    const fastDeaths = await Promise.all(fast.map((life) => life.gone()));
    const slowDeaths = await Promise.all(slow.map((life) => life.gone()));
    t.true(Math.max(...fastDeaths) < Math.min(...slowDeaths));
  });
}
