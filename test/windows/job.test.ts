import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { guardOf, killTree, spawn } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
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

for (const [containment, flags] of [
  // KILL_ON_JOB_CLOSE and DIE_ON_UNHANDLED_EXCEPTION, without BREAKAWAY_OK.
  ['tree', 'limits 2400'],
  // With SILENT_BREAKAWAY_OK.
  ['process', 'limits 3400'],
] as const) {
  test.serial(
    `the job of a child with containment ${containment} has the limits that it should`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      const args = lifelines.arguments('child', 'limits');
      const child = spawn(lifelines.program, args, { stdio: 'ignore', guard: { containment } });
      const life = await lifelines.take('child');
      await t.notThrowsAsync(life.says(flags));
      life.exit(0);
      await once(child, 'exit');
    },
  );
}

test.serial('each child has a job of its own: the end of one tree leaves the others', async (t) => {
  await using lifelines = await Lifelines.open();
  const start = (name: string) =>
    spawn(lifelines.program, lifelines.arguments(name, 'double'), { stdio: 'ignore' });
  const [one, other] = [start('one'), start('other')];
  const [first, firstLeft, second, secondLeft] = await lifelines.takeAll([
    'one',
    'double',
    'other',
    'double',
  ]);
  t.deepEqual((await killTree(one, { signal: 'SIGKILL' })).survivors, []);
  await first!.gone();
  await second!.answers();
  const doubles = [firstLeft!, secondLeft!];
  const answers = await Promise.all(
    doubles.map((life) =>
      life.answers().then(
        () => true,
        () => false,
      ),
    ),
  );
  t.deepEqual(answers.sort(), [false, true]);
  await killTree(other, { signal: 'SIGKILL' });
  await second!.gone();
});

test.serial('Workers that start children at the same time, and end before them, lose none', async (t) => {
  await using lifelines = await Lifelines.open();
  const args = [fixture('windows/worker-hosts.mjs'), lifelines.program, lifelines.path];
  const host = nodeSpawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const lives = await lifelines.takeAll(Array.from({ length: 24 }, () => 'child'));
  // The only threads that have loaded the addon are gone by then.
  await within(once(host.stdout!, 'data'), 'the Workers to end');
  await allAnswer(lives);
  const ended = once(host, 'exit');
  host.kill('SIGKILL');
  await ended;
  await t.notThrowsAsync(allGone(lives));
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
