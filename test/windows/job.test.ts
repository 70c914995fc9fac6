import { once } from 'node:events';
import test from 'ava';
import { guardOf, spawn } from '../../lib/index.js';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, startTree } from '../helpers/tree.js';

test.serial('a child and its tree are guarded by its job, and nothing is downgraded', async (t) => {
  await using host = new Host();
  const { link, tree, downgrades } = await host.ask<Record<string, unknown>>('capabilities');
  t.deepEqual({ link, tree, downgrades }, { link: 'job-object', tree: 'job-object', downgrades: [] });
  const { guard } = await host.start([process.execPath, ['-e', ''], { stdio: 'ignore' }]);
  t.deepEqual(guard, { link: 'job-object', tree: 'job-object', downgrades: [] });
});

test.serial('a descendant that asks to break away from the job is refused', async (t) => {
  await using lifelines = await Lifelines.open();
  const child = spawn(lifelines.program, lifelines.arguments('child', 'break-away'), { stdio: 'ignore' });
  const life = await lifelines.take('child');
  // ERROR_ACCESS_DENIED.
  await t.notThrowsAsync(life.says('break-away 5'));
  life.exit(0);
  await once(child, 'exit');
});

test.serial("containment: 'process' holds the child alone, from its first moment on", async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const [child, ...descendants] = await startTree(host, lifelines, {
    options: { guard: { containment: 'process' } },
  });
  await host.die('SIGKILL');
  await child!.gone();
  await t.notThrowsAsync(allAnswer(descendants));
});

test.serial('descendants outlive the child itself, and die with the host', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const [child, ...descendants] = await startTree(host, lifelines);
  child!.exit(0);
  await child!.gone();
  // A second child's end must not close the first one's job.
  const { pid } = await host.start([process.execPath, ['-e', ''], { stdio: 'ignore' }]);
  t.deepEqual(await host.ask('exit', { pid }), { code: 0, signal: null });
  await allAnswer(descendants);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(descendants));
});

test.serial(
  'where a child may not be born in a job it is assigned before it runs, and that is said',
  async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable: 'job-list' });
    const args = lifelines.arguments('child', 'plain', 'setsid', 'double');
    const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
    t.is(guard.link, 'job-object');
    t.is(guard.tree, 'job-object');
    t.deepEqual(
      guard.downgrades.map(({ code }) => code),
      ['job_assigned_late'],
    );
    const lives = await lifelines.takeAll(['child', 'plain', 'setsid', 'double']);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  },
);

test.serial('where jobs are denied the child runs without a guard, and that is said', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ disable: 'job' });
  const { downgrades } = await host.ask<{ downgrades: { code: string }[] }>('capabilities');
  t.deepEqual(
    downgrades.map(({ code }) => code),
    ['job_denied'],
  );
  const args = lifelines.arguments('child', 'plain');
  const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
  t.is(guard.link, 'none');
  t.is(guard.tree, 'none');
  t.deepEqual(
    guard.downgrades.map(({ code }) => code),
    ['job_denied'],
  );
  const lives = await lifelines.takeAll(['child', 'plain']);
  await host.die('SIGKILL');
  // Control for all that is said of jobs: without one, everything survives.
  await t.notThrowsAsync(allAnswer(lives));
});

test.serial('a wrong guard option is refused before anything starts', (t) => {
  const start = () => spawn('nonexistent', [], { guard: { graceMs: -1 } });
  t.throws(start, { code: 'ERR_PROCGUARD_INVALID_OPTION' });
});

test.serial('a grace is not possible, and that is said', async (t) => {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore', guard: { graceMs: 100 } });
  t.deepEqual(
    guardOf(child).downgrades.map(({ code }) => code),
    ['grace_unsupported'],
  );
  await once(child, 'exit');
});

test.serial('a child that crashes ends at once, and its exit code is that of the exception', async (t) => {
  await using lifelines = await Lifelines.open();
  const child = spawn(lifelines.program, lifelines.arguments('child', 'crash'), { stdio: 'ignore' });
  // An access violation.
  t.deepEqual(await once(child, 'exit'), [0xc0000005, null]);
});

test.serial('with procguard/register every child is guarded, but one that is detached', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ execArgv: ['--import', 'procguard/register'] });
  const start = (name: string, options: object) =>
    host.start([lifelines.program, lifelines.arguments(name), { stdio: 'ignore', ...options }], {
      from: 'node',
    });
  t.is((await start('guarded', {})).guard.link, 'job-object');
  const { guard } = await start('detached', { detached: true });
  t.deepEqual(
    guard.downgrades.map(({ code }) => code),
    ['detached'],
  );
  const [guarded, detached] = await lifelines.takeAll(['guarded', 'detached']);
  await host.die('SIGKILL');
  await guarded!.gone();
  await t.notThrowsAsync(detached!.answers());
});

test.serial('children of a worker_threads Worker outlive it, and die with the host', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  await host.ask('startWorker');
  const lives = await startTree(host, lifelines, { inWorker: true });
  await host.ask('endWorker', { how: 'terminate' });
  await allAnswer(lives);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});
