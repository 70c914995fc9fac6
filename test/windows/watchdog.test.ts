import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'ava';
import { within } from '../helpers/deadline.js';
import { fixture } from '../helpers/fixtures.js';
import { type Life, Lifelines } from '../helpers/lifelines.js';

// PowerShell may take its time to start, and the grace is three seconds.
const patienceMs = 60_000;

async function startWatched(lifelines: Lifelines, watched: boolean): Promise<[ChildProcess, Life[]]> {
  const host = spawn(
    process.execPath,
    [fixture('windows/watched-host.mjs'), lifelines.program, lifelines.path, String(watched)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = await within(
    once(createInterface(host.stdout!), 'line'),
    'the watchdog to watch',
    patienceMs,
  );
  if (line !== (watched ? 'watched' : 'alone')) throw new Error(line);
  return [host, await lifelines.takeAll(['worker', 'plain'])];
}

async function end(host: ChildProcess): Promise<void> {
  const ended = once(host, 'exit');
  host.kill('SIGKILL');
  await within(ended, 'the host to end');
}

test.serial(
  'R4.2 R7.4 watchdog.ps1 ends the worker of a host that was terminated, and its child',
  async (t) => {
    await using lifelines = await Lifelines.open();
    const [host, lives] = await startWatched(lifelines, true);
    await end(host);
    await t.notThrowsAsync(Promise.all(lives.map((life) => life.gone(patienceMs))));
  },
);

test.serial('control: without watchdog.ps1 the worker and its child survive the host', async (t) => {
  await using lifelines = await Lifelines.open();
  const [host, lives] = await startWatched(lifelines, false);
  await end(host);
  await t.notThrowsAsync(Promise.all(lives.map((life) => life.answers())));
});
