import test from 'ava';
import { until } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { type Guard, Host, LINK } from '../helpers/host.js';
import { type Life, Lifelines } from '../helpers/lifelines.js';
import { readStat } from '../helpers/proc.js';
import { allAnswer, allGone, LAYERS, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

const execArgv = ['--import', `${ROOT}dist/lib/register.js`];

/** The ways in which a package that knows nothing of this one starts a child. */
const STARTS = [
  { method: 'spawn', args: (l: Lifelines, name: string) => [l.program, words(l, name), { stdio: 'ignore' }] },
  { method: 'execFile', args: (l: Lifelines, name: string) => [l.program, words(l, name)] },
  { method: 'exec', args: (l: Lifelines, name: string) => [[l.program, ...words(l, name)].join(' ')] },
] as const;

const NODE_STARTS = ['fork', 'cluster'] as const;

function words(lifelines: Lifelines, name: string): string[] {
  return lifelines.arguments(name, ...LAYERS.slice(1));
}

/** A cluster worker ends by itself when its channel closes. A stopped one can't. */
async function stop({ pid }: Life): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until(() => (readStat(pid)?.state === 'T' ? true : undefined), `${pid} to stop`);
}

for (const { tree, disable } of modes) {
  for (const { method, args } of STARTS) {
    test.serial(`register: what child_process.${method} starts dies with the host (${tree})`, async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable, execArgv });
      const { guard } = await host.start(args(lifelines, 'child'), { from: 'node', method });
      t.like(guard, { link: LINK, tree });
      const lives = await lifelines.takeAll(LAYERS);
      await host.die('SIGKILL');
      await t.notThrowsAsync(allGone(lives));
    });
  }

  for (const method of NODE_STARTS) {
    test.serial(`register: what ${method} starts dies with the host (${tree})`, async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable, execArgv });
      const args = [fixture('life.mjs'), lifelines.arguments('child')];
      const { guard } = await host.start(args, { from: 'node', method });
      t.like(guard, { link: LINK, tree });
      const child = await lifelines.take('child');
      await stop(child);
      await host.die('SIGKILL');
      await t.notThrowsAsync(child.gone());
    });
  }
}

test.serial('register: a detached child is left unguarded, and guardOf says so', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ execArgv });
  const options = { stdio: 'ignore', detached: true };
  const start = await host.start([lifelines.program, words(lifelines, 'child'), options], { from: 'node' });
  const lives = await lifelines.takeAll(LAYERS);
  t.like(start.guard, { link: 'none', tree: 'none' });
  t.regex(start.guard.downgrades.map(({ message }) => message).join(), /detached/);
  t.deepEqual([...new Set(lives.map(({ mark }) => mark))], ['-']);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allAnswer(lives));
});

test.serial('register: guard: false still turns the guard off for one child', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ execArgv });
  const options = { stdio: 'ignore', guard: false };
  await host.start([lifelines.program, words(lifelines, 'child'), options]);
  const lives = await lifelines.takeAll(LAYERS);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allAnswer(lives));
});

test.serial('register holds in Workers too', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ execArgv });
  await host.ask('startWorker');
  const start = { from: 'node', inWorker: true } as const;
  await host.start([lifelines.program, words(lifelines, 'child'), { stdio: 'ignore' }], start);
  const lives = await lifelines.takeAll(LAYERS);
  await host.ask('endWorker', { how: 'terminate' });
  await allAnswer(lives);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

for (const { method, args } of STARTS) {
  test.serial(`control: without register, what child_process.${method} starts survives`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host();
    const { guard } = await host.start(args(lifelines, 'child'), { from: 'node', method });
    t.like(guard satisfies Guard, { link: 'none', tree: 'none' });
    const lives = await lifelines.takeAll(LAYERS);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allAnswer(lives));
  });
}

for (const method of NODE_STARTS) {
  test.serial(`control: without register, what ${method} starts survives`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host();
    await host.start([fixture('life.mjs'), lifelines.arguments('child')], { from: 'node', method });
    const child = await lifelines.take('child');
    await stop(child);
    await host.die('SIGKILL');
    t.is(readStat(child.pid)?.state, 'T');
  });
}
