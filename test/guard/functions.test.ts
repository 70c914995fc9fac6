import test from 'ava';
import { fixture } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, LAYERS, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

const STARTS = {
  execFile: (l: Lifelines, guard: boolean) => [l.program, words(l), { guard }],
  exec: (l: Lifelines, guard: boolean) => [[l.program, ...words(l)].join(' '), { guard }],
  spawn: (l: Lifelines, guard: boolean) => [[l.program, ...words(l)].join(' '), { guard, shell: true }],
};

function words(lifelines: Lifelines): string[] {
  return lifelines.arguments('child', ...LAYERS.slice(1));
}

for (const [method, args] of Object.entries(STARTS) as [keyof typeof STARTS, typeof STARTS.exec][]) {
  for (const { tree, disable } of modes) {
    test.serial(
      `what ${method} starts through a shell or by itself dies with its host (${tree})`,
      async (t) => {
        await using lifelines = await Lifelines.open();
        await using host = new Host({ disable });
        await host.start(args(lifelines, true), { method });
        const lives = await lifelines.takeAll(LAYERS);
        await host.die('SIGKILL');
        await t.notThrowsAsync(allGone(lives));
      },
    );
  }

  test.serial(`control: unguarded, what ${method} starts survives`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host();
    await host.start(args(lifelines, false), { method });
    const lives = await lifelines.takeAll(LAYERS);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allAnswer(lives));
  });
}

for (const guard of [true, false]) {
  test.serial(
    `what fork starts ${guard ? 'dies with its host' : 'survives with the guard off'}`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host();
      await host.start([fixture('life.mjs'), lifelines.arguments('child'), { guard }], { method: 'fork' });
      const child = await lifelines.take('child');
      await host.die('SIGKILL');
      await t.notThrowsAsync(guard ? child.gone() : child.answers());
    },
  );
}
