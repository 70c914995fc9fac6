import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { readProcessTable } from '../../lib/guard/process-table.js';
import { until, within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { allAnswer, allGone, LAYERS, startTree } from '../helpers/tree.js';

// TerminateProcess, which no program sees coming, is how Node sends SIGKILL on Windows.
const DEATHS = [
  { how: 'SIGKILL', end: { code: null, signal: 'SIGKILL' } },
  { how: 'abort', end: { code: 134, signal: null } },
  { how: 'throw', end: { code: 1, signal: null } },
  { how: 'exit', end: { code: 3, signal: null } },
  { how: 'end', end: { code: 0, signal: null } },
] as const;

for (const { how, end } of DEATHS) {
  test.serial(`R7.3 a host that dies by ${how} takes its whole tree along`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host();
    const lives = await startTree(host, lifelines);
    await allAnswer(lives);
    t.like(await host.die(how), end);
    await t.notThrowsAsync(allGone(lives));
  });
}

test.serial('a tree that keeps starting processes dies with its host', async (t) => {
  await using lifelines = await Lifelines.open();
  const before = await pidsOfAll();
  await using host = new Host();
  await startTree(host, lifelines, { layers: ['child'], words: ['spawner'] });
  await lifelines.takeAll(Array.from({ length: 10 }, () => 'descendant'));
  await host.die('SIGKILL');
  await t.notThrowsAsync(nothingNew(before));
});

test.serial('a host inside of a guarded tree, and what it guards, die with the outer host', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host();
  const storm = stormArguments(lifelines, 1, true);
  await host.start([process.execPath, storm, { stdio: 'ignore' }]);
  const lives = await lifelines.takeAll(LAYERS);
  await allAnswer(lives);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

// libuv's own job ends the direct child, also without a guard, and lets what that starts go.
test.serial('R7.3 control: with the guard off, the descendants survive their host', async (t) => {
  await using lifelines = await Lifelines.open();
  const host = startStorm(lifelines, 1, false);
  const [child, ...descendants] = await lifelines.takeAll(LAYERS);
  await endHost(host);
  await child!.gone();
  await t.notThrowsAsync(allAnswer(descendants));
});

const HOSTS = 100;
const AT_A_TIME = 4;

test.serial(
  `R7.3 ${HOSTS} of ${HOSTS} hosts that are terminated while they start trees leave nothing`,
  async (t) => {
    t.timeout(180_000);
    await using lifelines = await Lifelines.open();
    const before = await pidsOfAll();
    let left = HOSTS;
    async function killOneAfterTheOther(): Promise<void> {
      while (left-- > 0) {
        const host = startStorm(lifelines, 1000, true);
        // From its first child on, at any point of the starts that follow.
        await lifelines.take('child');
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
        await endHost(host);
      }
    }
    await Promise.all(Array.from({ length: AT_A_TIME }, killOneAfterTheOther));
    await t.notThrowsAsync(nothingNew(before));
  },
);

function stormArguments(lifelines: Lifelines, trees: number, guarded: boolean): string[] {
  return [fixture('windows/storm-host.mjs'), lifelines.path, lifelines.program, `${trees}`, `${guarded}`];
}

function startStorm(lifelines: Lifelines, trees: number, guarded: boolean): ChildProcess {
  return spawn(process.execPath, stormArguments(lifelines, trees, guarded), { cwd: ROOT, stdio: 'ignore' });
}

async function endHost(host: ChildProcess): Promise<void> {
  const ended = once(host, 'exit');
  host.kill('SIGKILL');
  await within(ended, 'the host to end');
}

async function pidsOfAll(): Promise<Set<number>> {
  return new Set((await readProcessTable()).keys());
}

/**
 * Nothing runs that did not run before: neither a process that said hello, nor one that didn't get that far. What another
 * program has started meanwhile, as Wine does with its services, is none of ours.
 */
async function nothingNew(before: Set<number>): Promise<void> {
  let found = '';
  await until(async () => {
    const table = [...(await readProcessTable()).values()];
    const isStrange = (parent: number) => before.has(parent) && parent !== process.pid;
    const left = table.filter(({ pid, parent }) => !before.has(pid) && !isStrange(parent));
    found = left.map(({ pid, parent }) => `${pid} of ${parent}`).join(', ');
    return found === '' ? true : undefined;
  }, 'nothing of the trees to be left').catch((cause: Error) => {
    throw new Error(`Left: ${found}`, { cause });
  });
}
