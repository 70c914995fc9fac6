import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import type { PoolOptions } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { Lifelines } from '../helpers/lifelines.js';
import { processGone, readProc, readStat } from '../helpers/proc.js';
import { startPool } from '../pool/pools.js';

interface Dog {
  pid: number;
  worker: number;
  /** Its command line. */
  command: string[];
}

/** The watchdogs that `host` has started. */
function dogsOf(host: number): Dog[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && readStat(pid)?.ppid === host)
    .map((pid) => ({ pid, command: (readProc(pid, 'cmdline') ?? '').split('\0') }))
    .filter(({ command }) => command[1]?.endsWith('watchdog/watchdog.sh'))
    .map(({ pid, command }) => ({ pid, command, worker: Number.parseInt(command[3]!, 10) }));
}

interface PoolHost {
  pid: number;
  kill(): void;
  killWithKeeper(): Promise<void>;
}

/** A host with a pool of `life` processes, which ends with the test. */
async function startHost(
  t: ExecutionContext,
  options: PoolOptions,
  env: Record<string, string> = {},
): Promise<PoolHost> {
  const host = spawn(process.execPath, [fixture('watched-pool.mjs'), JSON.stringify(options)], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(host, 'exit');
  t.teardown(async () => {
    host.kill('SIGKILL');
    await ended;
  });
  const lines = createInterface(host.stdout);
  const [line] = (await within(once(lines, 'line'), 'the host to have a pool')) as [string];
  const { keeper } = JSON.parse(line) as { keeper: number };
  return {
    pid: host.pid!,
    kill: () => void host.kill('SIGKILL'),
    async killWithKeeper() {
      // A host that is stopped starts no other keeper.
      host.kill('SIGSTOP');
      await until(() => (readStat(host.pid!)?.state === 'T' ? true : undefined), 'the host to stop');
      if (keeper <= 1) throw new Error(`The keeper's pid is ${keeper}`);
      const keeperEnded = processGone(keeper);
      process.kill(keeper, 'SIGKILL');
      await keeperEnded;
      host.kill('SIGKILL');
    },
  };
}

const poolOf = (lifelines: Lifelines, ...words: string[]): PoolOptions => ({
  command: lifelines.program,
  args: lifelines.arguments('worker', ...words),
});

for (const watchdog of [true, false]) {
  const fate = watchdog ? 'is ended by the watchdog' : 'lives on without a watchdog';

  test.serial(`R4.1 a worker's child whose host and keeper are both killed ${fate}`, async (t) => {
    await using lifelines = await Lifelines.open();
    const host = await startHost(t, { ...poolOf(lifelines, 'plain'), watchdog });
    const [worker, child] = await lifelines.takeAll(['worker', 'plain']);
    const dogs = dogsOf(host.pid);
    t.is(dogs.length, watchdog ? 1 : 0);
    await host.killWithKeeper();
    await worker!.gone();
    if (watchdog) await t.notThrowsAsync(child!.gone());
    else await t.notThrowsAsync(child!.answers());
    await Promise.all(dogs.map(({ pid }) => processGone(pid)));
  });

  test.serial(`R4.1 a worker of a host without the addon ${fate}`, async (t) => {
    await using lifelines = await Lifelines.open();
    const env = { PROCGUARD_DISABLE: 'platform' };
    const host = await startHost(t, { ...poolOf(lifelines), watchdog }, env);
    const worker = await lifelines.take('worker');
    const dogs = dogsOf(host.pid);
    host.kill();
    await processGone(host.pid);
    if (watchdog) await t.notThrowsAsync(worker.gone());
    else await t.notThrowsAsync(worker.answers());
    await Promise.all(dogs.map(({ pid }) => processGone(pid)));
  });
}

test.serial('a watchdog leaves when the keeper has done the work', async (t) => {
  await using lifelines = await Lifelines.open();
  const host = await startHost(t, { ...poolOf(lifelines, 'plain', 'setsid'), watchdog: true });
  const lives = await lifelines.takeAll(['worker', 'plain', 'setsid']);
  const dogs = dogsOf(host.pid);
  t.is(dogs.length, 1);
  host.kill();
  await Promise.all(lives.map((life) => life.gone()));
  await t.notThrowsAsync(processGone(dogs[0]!.pid));
});

const choices: [boolean | undefined, string | undefined, number][] = [
  [undefined, undefined, 0],
  [true, undefined, 1],
  [undefined, 'true', 1],
  [false, 'true', 0],
];

for (const [watchdog, variable, count] of choices) {
  test.serial(
    `R4.5 a worker has ${count} watchdogs: watchdog is ${watchdog}, PROCGUARD_WATCHDOG is ${variable}`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      const env = variable === undefined ? undefined : { PROCGUARD_WATCHDOG: variable };
      const options = { ...poolOf(lifelines), ...(watchdog === undefined ? {} : { watchdog }) };
      const host = await startHost(t, options, env);
      const worker = await lifelines.take('worker');
      const dogs = dogsOf(host.pid);
      t.deepEqual(
        dogs.map((dog) => dog.worker),
        Array(count).fill(worker.pid),
      );
    },
  );
}

test.serial('a watchdog that is killed is followed by another, and its worker works on', async (t) => {
  const { pool } = startPool(t, { watchdog: true });
  await pool.ready();
  const [dog] = dogsOf(process.pid);
  await until(() => (hasRunFor(dog!.pid, 1.5) ? true : undefined), 'the watchdog to be no failed start');
  process.kill(dog!.pid, 'SIGKILL');
  const next = await until(
    () => dogsOf(process.pid).find(({ pid }) => pid !== dog!.pid),
    'another watchdog to be started',
  );
  t.is(next.worker, dog!.worker);
  t.is(pool.stats().workers[0]?.pid, dog!.worker);
  t.is(await pool.call('echo', ['still here']), 'still here');
  t.deepEqual(pool.alerts(), []);
});

test.serial(
  'R4.5 each worker has a watchdog of its own, in a session of its own, and a closed pool has none',
  async (t) => {
    const { pool } = startPool(t, { watchdog: true, size: 2, guard: { graceMs: 7500 } });
    await pool.ready();
    const dogs = dogsOf(process.pid);
    const workers = pool.stats().workers.map(({ pid }) => pid);
    t.deepEqual(dogs.map(({ worker }) => worker).sort(), workers.sort());
    for (const { pid, command } of dogs) {
      t.is(readStat(pid)?.session, pid);
      t.false(readProc(pid, 'environ')?.includes('PROCGUARD'));
      // As long as the guard has promised.
      t.is(command[command.indexOf('--grace') + 1], '8');
    }
    await pool.close();
    await t.notThrowsAsync(Promise.all(dogs.map(({ pid }) => processGone(pid))));
  },
);

test.serial('a watchdog that ends as soon as it is started is an alert and a warning', async (t) => {
  const warned = once(process, 'warning');
  const { pool } = startPool(t, { watchdog: true });
  const alert = await until(() => {
    // One that was seen too late, on a machine that is overloaded, is followed by another.
    for (const { pid } of dogsOf(process.pid)) process.kill(pid, 'SIGKILL');
    return pool.alerts()[0];
  }, 'an alert');
  t.is(alert.code, 'watchdog_failed');
  t.is(alert.slot, 0);
  t.regex(alert.message, /has no watchdog: it ended by SIGKILL at once/);
  const [warning] = await within(warned, 'a warning');
  t.is(warning.code, 'PROCGUARD_WATCHDOG_FAILED');
  await pool.ready();
  t.is(await pool.call('echo', ['at work']), 'at work');
});

/** Whether the process is so many seconds old. */
function hasRunFor(pid: number, seconds: number): boolean {
  const uptime = Number((readProc(process.pid, '../uptime') ?? '').split(' ')[0]);
  return uptime - Number(readStat(pid)?.startTicks) / 100 > seconds;
}
