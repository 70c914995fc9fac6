import { type ChildProcess, execFile, spawn as spawnUnguarded } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { nowMs } from '../../lib/clock.js';
import { identify, type TreeId } from '../../lib/guard/identify.js';
import { ratesBetween } from '../../lib/health/rates.js';
import { type ProcessSample, sampleProcesses } from '../../lib/health/sample.js';
import { spawn } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { compiledFixture, fixture } from '../helpers/fixtures.js';
import { Lifelines } from '../helpers/lifelines.js';
import { canBecomeNobody } from '../helpers/privilege.js';
import { readStat, startTicksOf } from '../helpers/proc.js';
import { LAYERS } from '../helpers/tree.js';

// Only root can start a process as another user, from which something is hidden.
const asRoot = canBecomeNobody ? test : test.skip;
// From 5.8 on each mount of proc has its own options; before, the test would hide processes from the whole machine.
const [major = 0, minor = 0] = os.release().split('.').map(Number);
const asRootWithOwnProc = major > 5 || (major === 5 && minor >= 8) ? asRoot : test.skip;

async function sampleOne(id: TreeId, trees = false): Promise<ProcessSample> {
  return (await sampleProcesses([id], { trees })).get(0);
}

function idOf(pid: number): TreeId {
  return { pid, startTicks: startTicksOf(pid) };
}

/** Asks until the sample is as it should be. */
function sampled(id: TreeId, holds: (sample: ProcessSample) => boolean, what: string, trees = false) {
  return until(async () => {
    const sample = await sampleOne(id, trees);
    return holds(sample) ? sample : undefined;
  }, what);
}

interface Running {
  readonly child: ChildProcess;
  readonly id: TreeId;
}

/** Starts a program that ends with its stdin or with the test. */
function start(t: ExecutionContext, file: string, args: string[], options: object = {}): Running {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    child.stdin?.end();
    child.kill('SIGKILL');
    await within(exited, `${file} to end`);
  });
  return { child, id: identify(child)! };
}

async function inState(t: ExecutionContext, state: string): Promise<{ parent: Running; id: TreeId }> {
  const parent = start(t, compiledFixture('run-states'), [state]);
  const [line] = await within(once(parent.child.stdout!, 'data'), 'a pid');
  return { parent, id: idOf(Number(line)) };
}

test('a process that waits sleeps, has memory and threads, and burns nothing', async (t) => {
  const { id } = start(t, 'sleep', ['1000']);
  const sample = await sampled(id, ({ state }) => state === 'sleeping', 'sleep to sleep');
  t.is(sample.outcome, 'sampled');
  t.is(sample.threads, 1);
  t.is(sample.tracerPid, undefined);
  t.is(sample.tree, undefined);
  t.true(sample.rssBytes > 100_000 && sample.rssBytes < 50e6, `${sample.rssBytes}`);
  const later = await sampled(id, ({ atMs }) => atMs - sample.atMs >= 100, 'some time to pass');
  const rates = ratesBetween(sample, later);
  t.true(rates!.cpuShare < 0.02, `${rates!.cpuShare}`);
});

test('a process that computes runs, and burns what it gets of a processor', async (t) => {
  const { id } = start(t, 'sh', ['-c', 'while :; do :; done']);
  const first = await sampled(id, ({ cpuMs }) => cpuMs > 0, 'its first CPU time');
  const second = await sampled(id, ({ cpuMs }) => cpuMs - first.cpuMs >= 30, '30 ms of CPU time');
  const rates = ratesBetween(first, second)!;
  t.is(second.state, 'running');
  t.true(rates.cpuShare > 0 && rates.cpuShare < 1.1, `${rates.cpuShare}`);
  t.true(Math.abs(rates.cpuShare * rates.intervalMs - (second.cpuMs - first.cpuMs)) < 0.001);
});

test('CPU time is finer than the hundredths of a second of /proc', async (t) => {
  const sample = await sampleOne(idOf(process.pid));
  t.not(sample.cpuMs % 10, 0);
  const { user, system } = process.cpuUsage();
  t.true(Math.abs(sample.cpuMs - (user + system) / 1000) < 500);
});

test('a sample bears the time at which it was taken, also when the event loop comes to it late', async (t) => {
  const beforeMs = nowMs();
  const sampling = sampleOne(idOf(process.pid));
  while (nowMs() < beforeMs + 300);
  const { atMs } = await sampling;
  t.true(atMs >= beforeMs && atMs <= nowMs(), `${atMs - beforeMs}`);
});

test('a stopped process is stopped, until it goes on', async (t) => {
  const { child, id } = start(t, 'sleep', ['1000']);
  child.kill('SIGSTOP');
  await t.notThrowsAsync(sampled(id, ({ state }) => state === 'stopped', 'it to stop'));
  child.kill('SIGCONT');
  await t.notThrowsAsync(sampled(id, ({ state }) => state === 'sleeping', 'it to go on'));
});

test('a process that nothing can interrupt is uninterruptible', async (t) => {
  const { id } = await inState(t, 'uninterruptible');
  await t.notThrowsAsync(sampled(id, ({ state }) => state === 'uninterruptible', 'the state'));
});

test('a process that its tracer has stopped is traced, and says by whom', async (t) => {
  const { parent, id } = await inState(t, 'traced');
  t.like(await sampleOne(id), { state: 'traced', tracerPid: parent.id.pid });
});

test('a zombie is dead', async (t) => {
  const { id } = await inState(t, 'dead');
  t.like(await sampleOne(id), { outcome: 'sampled', state: 'dead', rssBytes: 0 });
});

test('a process whose first thread has ended is no zombie', async (t) => {
  const { id } = await inState(t, 'headless');
  await until(() => (readStat(id.pid)?.state === 'Z' ? true : undefined), '/proc to call it a zombie');
  const first = await sampleOne(id);
  t.not(first.state, 'dead');
  t.is(first.threads, 3);
  t.true(first.rssBytes > 0);
  await t.notThrowsAsync(sampled(id, ({ cpuMs }) => cpuMs > first.cpuMs, 'its CPU time to grow'));
});

test('a process that is gone, and one whose pid is now of another, are told apart', async (t) => {
  const child = spawnUnguarded('true', { stdio: 'ignore' });
  const id = identify(child)!;
  await once(child, 'exit');
  const own = idOf(process.pid);
  for (const trees of [false, true]) {
    const samples = await sampleProcesses(
      [id, { ...own, startTicks: own.startTicks - 1 }, own, { pid: -1, startTicks: 1 }],
      { trees },
    );
    t.is(samples.count, 4);
    t.deepEqual(
      [0, 1, 2, 3].map((index) => samples.get(index).outcome),
      ['gone', 'replaced', 'sampled', 'gone'],
    );
  }
  t.is(identify(child), undefined);
});

test('a list of no processes has no samples', async (t) => {
  t.is((await sampleProcesses([], { trees: true })).count, 0);
});

test('a name with blanks, parentheses and a newline is read past', async (t) => {
  const name = ') R 1 (\n';
  const { id } = start(t, 'python3', [
    '-c',
    `open('/proc/self/comm', 'w').write(${JSON.stringify(name)}); import sys; sys.stdin.read()`,
  ]);
  const sample = await sampled(id, ({ state }) => state === 'sleeping', 'it to wait');
  t.is(sample.threads, 1);
});

for (const guard of [true, false]) {
  const kinds = guard ? 'every kind, those that left its group included' : 'those that can be seen';
  test(`a tree is a child with its descendants of ${kinds}`, async (t) => {
    await using lifelines = await Lifelines.open();
    const layers = guard ? LAYERS : (['child', 'plain', 'setsid'] as const);
    const args = lifelines.arguments('child', ...layers.slice(1));
    const child = spawn(lifelines.program, args, { stdio: 'ignore', guard });
    await using others = await Lifelines.open();
    const other = spawn(others.program, others.arguments('child', 'plain'), { stdio: 'ignore' });
    await lifelines.takeAll(layers);
    await others.takeAll(['child', 'plain']);
    const samples = await sampleProcesses([identify(child)!, identify(other)!], { trees: true });
    const [sample, otherSample] = [samples.get(0), samples.get(1)];
    t.is(sample.tree!.processes, layers.length);
    t.is(otherSample.tree!.processes, 2);
    t.true(sample.tree!.rssBytes > sample.rssBytes);
    t.true(sample.tree!.cpuMs >= sample.cpuMs);
    // A second time, with what is known of marks by then.
    t.is((await sampleOne(identify(child)!, true)).tree!.processes, layers.length);
  });
}

test('what is left of the tree of a child that has ended is still found', async (t) => {
  await using lifelines = await Lifelines.open();
  const args = lifelines.arguments('child', ...LAYERS.slice(1));
  const child = spawn(lifelines.program, args, { stdio: 'ignore' });
  const id = identify(child)!;
  const lives = await lifelines.takeAll(LAYERS);
  const exited = once(child, 'exit');
  lives[0]!.exit(0);
  await exited;
  const { outcome, tree } = await sampleOne(id, true);
  t.is(outcome, 'gone');
  t.is(tree!.processes, LAYERS.length - 1);
});

test('a tree whose processes live too short to be seen burns what they burn', async (t) => {
  const { id } = await inState(t, 'short-lived');
  const first = await sampleOne(id, true);
  const later = await sampled(id, ({ tree }) => tree!.cpuMs - first.tree!.cpuMs > 200, 'CPU time', true);
  t.true(later.cpuMs - first.cpuMs < 100);
  t.true(ratesBetween(first, later)!.tree!.cpuShare > ratesBetween(first, later)!.cpuShare);
});

asRootWithOwnProc('a process that /proc hides is denied, and not taken for gone', async (t) => {
  const { id } = start(t, 'sleep', ['1000']);
  for (const hidepid of ['1', '2']) {
    // A new instance of proc; to remount the one that is there would change it for the whole machine.
    const mount = `mount -t proc -o hidepid=${hidepid} proc /proc`;
    t.deepEqual(await sampleElsewhere(mount, id), ['denied', 'denied'], hidepid);
  }
  t.notRegex(readFileSync('/proc/self/mounts', 'utf8'), /hidepid=[^0]/);
});

asRoot('without /proc nobody is called gone: the sampling fails', async (t) => {
  const { id } = start(t, 'sleep', ['1000']);
  for (const prepare of ['mount -t tmpfs none /proc', 'umount -l /proc']) {
    t.deepEqual(
      await sampleElsewhere(prepare, id, 0),
      ['ERR_PROCGUARD_SYSTEM', 'ERR_PROCGUARD_SYSTEM'],
      prepare,
    );
  }
});

test('where there are no samples each process says so', async (t) => {
  const args = [fixture('sample-once.mjs'), JSON.stringify(idOf(process.pid)), String(process.getuid?.())];
  const env = { ...process.env, PROCGUARD_DISABLE: 'platform' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  t.deepEqual(JSON.parse(stdout), ['unsupported', 'unsupported']);
});

test('with no descriptor left the sampling fails, and nobody is called gone', async (t) => {
  const args = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, fixture('sample-once.mjs')];
  const more = [JSON.stringify(idOf(process.pid)), String(process.getuid?.()), '"full"'];
  const { stdout } = await promisify(execFile)('sh', [...args, ...more]);
  t.deepEqual(JSON.parse(stdout), ['ERR_PROCGUARD_SYSTEM', 'ERR_PROCGUARD_SYSTEM']);
});

/** What a host in another mount namespace, and as another user, says of the process. */
async function sampleElsewhere(prepare: string, id: TreeId, uid = 65_534): Promise<string[]> {
  const program = [process.execPath, fixture('sample-once.mjs'), JSON.stringify(id), String(uid)];
  const { stdout } = await promisify(execFile)('unshare', [
    '--mount',
    'sh',
    '-c',
    `${prepare}; exec "$@"`,
    'sh',
    ...program,
  ]);
  return JSON.parse(stdout);
}
