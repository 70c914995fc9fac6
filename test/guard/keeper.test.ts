import { readdirSync } from 'node:fs';
import test from 'ava';
import { until } from '../helpers/deadline.js';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { privateBytes, processGone, readProc, readStat } from '../helpers/proc.js';
import { allAnswer, allGone, startTree, treeModes } from '../helpers/tree.js';

const modes = await treeModes();

/** Kills the host's keeper and resolves with the pid of the one that the host started instead. */
async function replaceKeeper(host: Host): Promise<number> {
  const old = await host.keeperPid();
  process.kill(old, 'SIGKILL');
  return until(async () => {
    const pid = await host.keeperPid();
    return pid === old ? undefined : pid;
  }, 'the host to start another keeper');
}

for (const { tree, disable } of modes) {
  test.serial(
    `a host whose keeper was killed starts another, and its tree still dies with it (${tree})`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ disable });
      const lives = await startTree(host, lifelines);
      const keeper = await replaceKeeper(host);
      await allAnswer(lives);
      await host.die('SIGKILL');
      await t.notThrowsAsync(allGone(lives));
      await t.notThrowsAsync(processGone(keeper));
    },
  );

  test.serial(`a keeper may be killed many times, between and during spawns (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines);
    for (let round = 0; round < 8; round++) {
      const replaced = replaceKeeper(host);
      lives.push(...(await startTree(host, lifelines)));
      await replaced;
    }
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  test.serial(`the keeper ends when the host does, and leaves no child behind (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines);
    const keeper = await host.keeperPid();
    await host.die('SIGKILL');
    await allGone(lives);
    await t.notThrowsAsync(processGone(keeper));
  });

  test.serial(`the keeper ends when the host ends normally with nothing left (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const [child] = await startTree(host, lifelines, { layers: ['child'] });
    const keeper = await host.keeperPid();
    child!.exit(0);
    await child!.gone();
    await host.die('end');
    await t.notThrowsAsync(processGone(keeper));
  });

  test.serial(`the keeper ignores SIGINT, SIGTERM and SIGHUP (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    const lives = await startTree(host, lifelines);
    const keeper = await host.keeperPid();
    const ignored = BigInt(`0x${/SigIgn:\s*(\w+)/.exec(readProc(keeper, 'status')!)![1]}`);
    for (const [number, signal] of [
      [1, 'SIGHUP'],
      [2, 'SIGINT'],
      [15, 'SIGTERM'],
    ] as const) {
      t.truthy(ignored & (1n << BigInt(number - 1)), `${signal} is ignored`);
      process.kill(keeper, signal);
    }
    await allAnswer(lives);
    t.is(await host.keeperPid(), keeper);
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  });

  test.serial(`the keeper has less than 300 KB of private memory, with 100 children (${tree})`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host({ disable });
    await Promise.all(Array.from({ length: 100 }, () => startTree(host, lifelines, { layers: ['child'] })));
    const bytes = privateBytes(await host.keeperPid());
    t.log(`${bytes / 1024} KB`);
    t.true(bytes < 300 * 1024, `${bytes} bytes`);
  });
}

test.serial('the keeper leads a session of its own', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  await startTree(host, lifelines, { layers: ['child'] });
  const keeper = await host.keeperPid();
  t.is(readStat(keeper)?.session, keeper);
});

test.serial('the process list shows whose keeper it is', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  await startTree(host, lifelines, { layers: ['child'] });
  const [name, identity] = readProc(await host.keeperPid(), 'cmdline')!.split('\0');
  t.regex(name!, /procguard-keeper$/);
  t.true(identity!.startsWith(`${host.pid}:`), identity);
});

test.serial(
  'a child has the descriptors that Node gives it, and none of the host or the keeper',
  async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host();
    const descriptors = async (guard: boolean) => {
      const [child] = await startTree(host, lifelines, { layers: ['child'], options: { guard } });
      return readdirSync(`/proc/${child!.pid}/fd`);
    };
    await descriptors(true);
    t.deepEqual(await descriptors(true), await descriptors(false));
  },
);
