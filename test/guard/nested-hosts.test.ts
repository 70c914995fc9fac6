import test from 'ava';
import { fixture } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import type { Life } from '../helpers/lifelines.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

/** Starts, in `outer`, a host that guards a tree of its own. */
async function startInner(
  outer: Host,
  lifelines: Lifelines,
  guard: boolean,
): Promise<{ inner: Life; tree: Life[] }> {
  const args = [fixture('nested-host.mjs'), ...lifelines.arguments('inner', lifelines.program)];
  await outer.start([process.execPath, args, { stdio: 'ignore', guard }]);
  const inner = await lifelines.take('inner');
  return { inner, tree: await lifelines.takeAll(['inner-child', 'plain', 'setsid', 'double']) };
}

for (const { tree: mode, disable } of modes) {
  test.serial(`killing the outer host kills the inner host and its tree (${mode})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using outer = new Host({ disable });
    const { inner, tree } = await startInner(outer, lifelines, true);
    await outer.die('SIGKILL');
    await t.notThrowsAsync(allGone([inner, ...tree]));
  });

  test.serial(
    `killing the inner host kills its tree and nothing of the outer host's (${mode})`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      await using outer = new Host({ disable });
      await outer.start([lifelines.program, lifelines.arguments('sibling'), { stdio: 'ignore' }]);
      const sibling = await lifelines.take('sibling');
      const { inner, tree } = await startInner(outer, lifelines, true);
      process.kill(inner.pid, 'SIGKILL');
      await t.notThrowsAsync(allGone([inner, ...tree]));
      await t.notThrowsAsync(allAnswer([sibling]));
    },
  );

  test.serial(`the inner host's mark replaces the outer one (${mode})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using outer = new Host({ disable });
    const { inner, tree } = await startInner(outer, lifelines, true);
    t.true(inner.mark.startsWith(`${outer.pid}:`));
    for (const life of tree) t.true(life.mark.startsWith(`${inner.pid}:`), life.mark);
  });

  test.serial(`control: an unguarded inner host survives the outer one (${mode})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using outer = new Host({ disable });
    const { inner, tree } = await startInner(outer, lifelines, false);
    await outer.die('SIGKILL');
    await t.notThrowsAsync(allAnswer([inner, ...tree]));
    await inner.end();
    await t.notThrowsAsync(allGone(tree));
  });
}
