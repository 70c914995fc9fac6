import { copyFileSync, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Life, Lifelines } from '../helpers/lifelines.js';
import { readProc } from '../helpers/proc.js';
import { allAnswer, allGone, LAYERS } from '../helpers/tree.js';
import { alone, identityOf, Keeper, keeperProgram, startMarked, startOf } from './keepers.js';

// The keeper of macOS, compiled for Linux on a shim of the calls that it uses: test/native/darwin/README.md.

const program = keeperProgram();

/** A process that stands for a host, with a tree that carries its mark. */
async function startHost(lifelines: Lifelines) {
  const [host] = (await startMarked(lifelines, ['host'], {})) as [Life];
  const identity = identityOf(host.pid);
  return { host, identity, mark: `${identity}.1` };
}

async function kill(life: Life): Promise<void> {
  process.kill(life.pid, 'SIGKILL');
  await life.gone();
}

for (const sign of ['the kernel says that it has ended', 'its line ends'] as const) {
  test.serial(`R7.2 a host's whole tree dies when ${sign}`, async (t) => {
    await using lifelines = await Lifelines.open();
    const { host, identity, mark } = await startHost(lifelines);
    await using keeper = await Keeper.start(program, lifelines, identity);
    const lives = await startMarked(lifelines, LAYERS, { mark });
    await allAnswer(lives);
    if (sign === 'its line ends') keeper.endLine();
    else await kill(host);
    await t.notThrowsAsync(allGone(lives));
    t.is(await keeper.ended(), 0);
  });
}

test.serial('control: without a keeper, the tree survives its host', async (t) => {
  await using lifelines = await Lifelines.open();
  const { host, mark } = await startHost(lifelines);
  const lives = await startMarked(lifelines, LAYERS, { mark });
  await kill(host);
  await t.notThrowsAsync(allAnswer(lives));
});

test.serial('a host that is dead before it can be watched is dead', async (t) => {
  await using lifelines = await Lifelines.open();
  const { host, identity, mark } = await startHost(lifelines);
  const lives = await startMarked(lifelines, LAYERS, { mark });
  await kill(host);
  await using keeper = await Keeper.start(program, lifelines, identity);
  await t.notThrowsAsync(allGone(lives));
  t.is(await keeper.ended(), 0);
});

test.serial("a host whose pid is another process's by now is dead, and the other lives", async (t) => {
  await using lifelines = await Lifelines.open();
  const [stranger] = (await startMarked(lifelines, ['stranger'], {})) as [Life];
  const identity = identityOf(stranger.pid, startOf(stranger.pid) - 1_000_000);
  const lives = await startMarked(lifelines, LAYERS, { mark: `${identity}.1` });
  await using keeper = await Keeper.start(program, lifelines, identity);
  await t.notThrowsAsync(allGone(lives));
  t.is(await keeper.ended(), 0);
  await t.notThrowsAsync(stranger.answers());
});

test.serial(
  'a host that could not tell its start is not dead; the end of the line still is its death',
  async (t) => {
    await using lifelines = await Lifelines.open();
    const [host] = (await startMarked(lifelines, ['host'], {})) as [Life];
    const identity = identityOf(host.pid, 0);
    await using keeper = await Keeper.start(program, lifelines, identity);
    const lives = await startMarked(lifelines, LAYERS, { mark: `${identity}.1` });
    // Longer than it took to find another start.
    await allAnswer(lives);
    await allAnswer(lives);
    t.true(keeper.isRunning);
    keeper.endLine();
    await t.notThrowsAsync(allGone(lives));
    t.is(await keeper.ended(), 0);
  },
);

for (const code of ['EPERM', 'EACCES', 'ENOMEM'] as const) {
  test.serial(`${code} is not the host's death; the end of the line still is`, async (t) => {
    await using lifelines = await Lifelines.open();
    const { identity, mark } = await startHost(lifelines);
    const env = { PROCGUARD_SHIM_KEVENT_ERROR: String(constants.errno[code]) };
    await using keeper = await Keeper.start(program, lifelines, identity, { env });
    const lives = await startMarked(lifelines, LAYERS, { mark });
    // Longer than it took to answer "no such process".
    await allAnswer(lives);
    await allAnswer(lives);
    t.true(keeper.isRunning);
    keeper.endLine();
    await t.notThrowsAsync(allGone(lives));
    t.is(await keeper.ended(), 0);
  });
}

for (const [what, variable] of Object.entries({
  'the machine falls asleep': 'PROCGUARD_SHIM_ASLEEP_S',
  'its keeper is stopped': 'PROCGUARD_SHIM_STOPPED_S',
})) {
  test.serial(`a tree dies though ${what} for a minute when its host dies`, async (t) => {
    await using lifelines = await Lifelines.open();
    const { identity, mark } = await startHost(lifelines);
    await using keeper = await Keeper.start(program, lifelines, identity, { env: { [variable]: '60' } });
    const lives = await startMarked(lifelines, LAYERS, { mark });
    keeper.endLine();
    await t.notThrowsAsync(allGone(lives));
    t.is(await keeper.ended(), 0);
  });
}

test.serial('a sleep of the machine uses up no grace', async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity, mark } = await startHost(lifelines);
  const lives = await startMarked(lifelines, ['child'], { mark: `${mark}.2000`, words: ['term-told'] });
  const env = { PROCGUARD_SHIM_ASLEEP_S: '60' };
  await using keeper = await Keeper.start(program, lifelines, identity, { env });
  const startedMs = performance.now();
  keeper.endLine();
  await lives[0]!.says('sigterm');
  const goneMs = await lives[0]!.gone();
  t.true(goneMs - startedMs >= 2000, `gone after ${goneMs - startedMs} ms`);
  t.is(await keeper.ended(), 0);
});

test.serial('a keeper without a kqueue notices the death of its host, and uses no processor', async (t) => {
  await using lifelines = await Lifelines.open();
  const { host, identity, mark } = await startHost(lifelines);
  const env = { PROCGUARD_SHIM_KQUEUE_ERROR: String(constants.errno.ENFILE) };
  await using keeper = await Keeper.start(program, lifelines, identity, { env });
  const lives = await startMarked(lifelines, LAYERS, { mark });
  // Time that it could use.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const [userTicks, systemTicks] = readProc(keeper.pid, 'stat')!.split(' ').slice(13, 15).map(Number);
  t.true(userTicks! + systemTicks! < 30, `${userTicks! + systemTicks!} hundredths of a second`);
  await kill(host);
  await t.notThrowsAsync(allGone(lives));
  t.is(await keeper.ended(), 0);
});

test.serial("a keeper that may not list the processes ends the host's registered children", async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity } = await startHost(lifelines);
  const [child, graced, stranger] = await Promise.all(
    ['child', 'graced', 'stranger'].map(async (name) => (await startMarked(lifelines, [name], {}))[0]!),
  );
  const slots = [
    { pid: child!.pid },
    { pid: graced!.pid, graceMs: 1000 },
    { pid: stranger!.pid, startTicks: startOf(stranger!.pid) - 10_000 },
  ];
  const env = { PROCGUARD_SHIM_LIST_ERROR: String(constants.errno.EPERM) };
  await using keeper = await Keeper.start(program, lifelines, identity, { slots, env });
  keeper.endLine();
  await t.notThrowsAsync(child!.gone());
  await t.notThrowsAsync(graced!.gone());
  await t.notThrowsAsync(stranger!.answers());
  // It goes on asking for the list.
  t.true(keeper.isRunning);
});

test.serial("another host's tree lives on", async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity, mark } = await startHost(lifelines);
  const other = mark.replace(/:(0+)\.1$/, ':1234567890abcdef.1');
  const lives = await startMarked(lifelines, ['own'], { mark });
  const strangers = await startMarked(lifelines, LAYERS, { mark: other });
  await using keeper = await Keeper.start(program, lifelines, identity);
  keeper.endLine();
  await allGone(lives);
  t.is(await keeper.ended(), 0);
  await t.notThrowsAsync(allAnswer(strangers));
});

test.serial('a registered child dies without a mark, with what it has started', async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity } = await startHost(lifelines);
  const lives = await startMarked(lifelines, ['child', 'plain', 'setsid'], {});
  const slots = [{ pid: lives[0]!.pid }];
  await using keeper = await Keeper.start(program, lifelines, identity, { slots });
  keeper.endLine();
  await t.notThrowsAsync(allGone(lives));
  t.is(await keeper.ended(), 0);
});

test.serial('a pid in the registry that is a stranger by now is not signalled', async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity } = await startHost(lifelines);
  const strangers = await startMarked(lifelines, ['stranger', 'plain'], {});
  const slots = strangers.map(({ pid }) => ({ pid, startTicks: startOf(pid) - 10_000 }));
  await using keeper = await Keeper.start(program, lifelines, identity, { slots });
  keeper.endLine();
  t.is(await keeper.ended(), 0);
  await t.notThrowsAsync(allAnswer(strangers));
});

test.serial('what a child with containment "process" has started lives on', async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity } = await startHost(lifelines);
  const [child, ...descendants] = (await startMarked(lifelines, LAYERS, {})) as [Life, ...Life[]];
  const slots = [{ pid: child.pid, graceMs: alone }];
  await using keeper = await Keeper.start(program, lifelines, identity, { slots });
  keeper.endLine();
  await child.gone();
  t.is(await keeper.ended(), 0);
  await t.notThrowsAsync(allAnswer(descendants));
});

test.serial(
  'a grace is a SIGTERM and that much time, also for what a graced child has started',
  async (t) => {
    await using lifelines = await Lifelines.open();
    const { identity, mark } = await startHost(lifelines);
    const graced = await startMarked(lifelines, ['child', 'plain', 'double'], {
      mark: `${mark}.2000`,
      words: ['term-told'],
    });
    const atOnce = await startMarked(lifelines, ['other'], { mark });
    await using keeper = await Keeper.start(program, lifelines, identity);
    const startedMs = performance.now();
    keeper.endLine();
    await allGone(atOnce);
    await Promise.all(graced.map((life) => life.says('sigterm')));
    await allAnswer(graced);
    const ends = await Promise.all(graced.map((life) => life.gone()));
    t.true(Math.min(...ends) - startedMs >= 2000, `gone after ${Math.min(...ends) - startedMs} ms`);
    t.is(await keeper.ended(), 0);
  },
);

/** A program that hides its environment, as those of Apple's that are protected do. */
function withheldProgram(lifelines: Lifelines): string {
  const folder = join(lifelines.folder, 'withheld');
  mkdirSync(folder);
  copyFileSync(lifelines.program, join(folder, 'life'));
  return join(folder, 'life');
}

test.serial('a tree whose environment is withheld dies by its registered child', async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity, mark } = await startHost(lifelines);
  const names = ['child', 'plain', 'setsid'];
  const lives = await startMarked(lifelines, names, { mark, program: withheldProgram(lifelines) });
  const slots = [{ pid: lives[0]!.pid }];
  await using keeper = await Keeper.start(program, lifelines, identity, { slots });
  keeper.endLine();
  await t.notThrowsAsync(allGone(lives));
  t.is(await keeper.ended(), 0);
});

test.serial('an orphan whose environment is withheld is unknown, and unknown is never killed', async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity, mark } = await startHost(lifelines);
  const options = { mark, program: withheldProgram(lifelines) };
  const [child, orphan] = (await startMarked(lifelines, ['child', 'double'], options)) as [Life, Life];
  await using keeper = await Keeper.start(program, lifelines, identity, { slots: [{ pid: child.pid }] });
  keeper.endLine();
  await child.gone();
  t.is(await keeper.ended(), 0);
  await t.notThrowsAsync(orphan.answers());
});

test.serial('a tree that keeps forking dies', async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity, mark } = await startHost(lifelines);
  const lives = await startMarked(lifelines, ['child'], { mark, words: ['hydra'] });
  await using keeper = await Keeper.start(program, lifelines, identity);
  keeper.endLine();
  await t.notThrowsAsync(allGone(lives));
  t.is(await keeper.ended(), 0);
});

test.serial('the keeper ignores what ends the programs of a terminal', async (t) => {
  await using lifelines = await Lifelines.open();
  const { identity, mark } = await startHost(lifelines);
  const lives = await startMarked(lifelines, ['child'], { mark });
  await using keeper = await Keeper.start(program, lifelines, identity);
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT'] as const) keeper.signal(signal);
  keeper.endLine();
  await t.notThrowsAsync(allGone(lives));
  t.is(await keeper.ended(), 0);
});
