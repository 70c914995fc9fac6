import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { killTree, spawn, sweep } from '../../lib/index.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, LAYERS } from '../helpers/tree.js';

async function start(lifelines: Lifelines, from: typeof nodeSpawn) {
  const args = lifelines.arguments('child', ...LAYERS.slice(1));
  const child = from(lifelines.program, args, { stdio: 'ignore' });
  return { child, lives: await lifelines.takeAll(LAYERS) };
}

test('the whole tree of a guarded child ends, also who has lost his parent', async (t) => {
  await using lifelines = await Lifelines.open();
  const { child, lives } = await start(lifelines, spawn);
  const ended = once(child, 'exit');
  const report = await killTree(child);
  t.deepEqual(report.survivors, []);
  t.deepEqual(
    lives.filter(({ pid }) => !report.killed.includes(pid)),
    [],
  );
  t.deepEqual(
    report.notes.map(({ code }) => code),
    ['signal_failed'],
  );
  await allGone(lives);
  t.deepEqual(await ended, [null, 'SIGKILL']);
});

test('a guarded child that is given by its pid is ended with its job, too', async (t) => {
  await using lifelines = await Lifelines.open();
  const { child, lives } = await start(lifelines, spawn);
  const ended = once(child, 'exit');
  const { killed, survivors } = await killTree(child.pid!, { signal: 'SIGKILL' });
  t.deepEqual(
    lives.filter(({ pid }) => !killed.includes(pid)),
    [],
  );
  t.deepEqual(survivors, []);
  await allGone(lives);
  await ended;
});

test('what a child has left behind at its end is found by its job', async (t) => {
  await using lifelines = await Lifelines.open();
  const { child, lives } = await start(lifelines, spawn);
  const [root, ...descendants] = lives;
  const ended = once(child, 'close');
  root!.exit(0);
  await ended;
  await allAnswer(descendants);
  const { killed, survivors } = await killTree(child, { signal: 'SIGKILL' });
  t.deepEqual(killed.sort(), descendants.map(({ pid }) => pid).sort());
  t.deepEqual(survivors, []);
  await allGone(descendants);
  const again = await killTree(child);
  t.deepEqual(
    again.notes.map(({ code }) => code),
    ['no_such_process'],
  );
});

test('a tree is ended while it starts further processes', async (t) => {
  await using lifelines = await Lifelines.open();
  const child = spawn(lifelines.program, lifelines.arguments('child', 'spawner'), { stdio: 'ignore' });
  const lives = await lifelines.takeAll(['child', 'descendant', 'descendant', 'descendant']);
  const { survivors } = await killTree(child, { signal: 'SIGKILL' });
  t.deepEqual(survivors, []);
  await allGone(lives);
});

test('a tree without a job is found by the parents of its processes, and nobody else is touched', async (t) => {
  await using lifelines = await Lifelines.open();
  const { child, lives } = await start(lifelines, nodeSpawn);
  const [root, plain, setsid, double] = lives;
  const ended = once(child, 'exit');
  const { killed, survivors } = await killTree(child.pid!, { signal: 'SIGKILL' });
  t.deepEqual(killed.sort(), [root!.pid, plain!.pid, setsid!.pid].sort());
  t.deepEqual(survivors, []);
  await allGone([root!, plain!, setsid!]);
  // Its parent had ended: no process table says whose it is.
  await double!.answers();
  await ended;
});

test('an ancestor is refused', async (t) => {
  await t.throwsAsync(killTree(process.ppid), { code: 'ERR_PROCGUARD_INVALID_OPTION' });
});

test('there is nothing to sweep', async (t) => {
  const { found, killed, skipped } = await sweep();
  t.deepEqual({ found, killed, skipped }, { found: [], killed: [], skipped: [] });
});
