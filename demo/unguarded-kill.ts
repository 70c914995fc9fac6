import { setTimeout as sleep } from 'node:timers/promises';
import { killAtWork } from './kill.js';
import { PROCESSES, WORKERS } from './layers.js';
import { describeHolder } from './lock-folder.js';
import { DEADLINE_MS } from './locks.js';
import { readRecord } from './processes.js';
import type { Run } from './run.js';
import { bad, good, table, verdict } from './screen.js';
import type { Session } from './session.js';

const GRANDCHILDREN = PROCESSES - WORKERS;

/** What was seen of the kill of an unguarded host. */
export interface UnguardedKill {
  /** As the host itself said. */
  guard: Run['guard'];
  /** Processes that held their locks right before. */
  alive: number;
  /** Of the workers, without the stopped one: those that were still there at the deadline. */
  workers: number;
  /** Those that were still there, of one stopped worker, and of the grandchildren. */
  stopped: number;
  grandchildren: number;
  /** Whether files were counted after the host's end. */
  goesOn: boolean;
}

/**
 * Kills an unguarded host at work, and proves that what does not end by itself goes on: the demo has to end it. The
 * workers are those of a pool, and end when the Python SDK sees the end of its channel to the host.
 */
export async function killUnguarded(session: Session): Promise<boolean> {
  const { run, watch, alive, killedAt, rows } = await killAtWork(session, 'platform');
  const [workers, , ...grandchildren] = rows;
  const goesOn = await countOn(grandchildren.flatMap(({ names }) => names));
  const held = (names: readonly string[]) => names.filter((name) => watch.held.includes(name)).length;
  const survivors = rows.map(({ names }) => held(names));
  const stayed = await watch.released(DEADLINE_MS, workers!.names);
  const ms = watch.millisecondsSince(killedAt, workers!.names);
  watch.end();

  survivors[0] = stayed.length;
  table(
    ['', 'alive at the kill', 'survived'],
    rows.map(({ title, names }, row) => [title, String(names.length), String(survivors[row])]),
  );
  const seen = {
    guard: run.guard,
    alive: alive.length,
    workers: survivors[0],
    stopped: survivors[1]!,
    grandchildren: survivors.slice(2).reduce((sum, number) => sum + number, 0),
    goesOn,
  };
  const shown = verdict(unguardedFaults(seen), [
    `All ${GRANDCHILDREN} grandchildren survived their host, and went on counting for nobody.`,
    'So did the worker that was stopped: it can notice nothing, and nothing ended it.',
    `The other ${WORKERS - 1} workers left by themselves within ${ms?.toFixed(1)} ms: the Python SDK noticed.`,
  ]);
  const left = await run.folder.cleanUp();
  if (left.length === 0) good('The demo has ended the survivors itself, by pid and start time.');
  else bad(`The demo could not end ${left.map(describeHolder).join(', ')}`);
  return shown && left.length === 0;
}

/** Where the comparison failed. */
export function unguardedFaults(kill: UnguardedKill): string[] {
  const { guard, alive, workers, stopped, grandchildren, goesOn } = kill;
  const faults: string[] = [];
  if (guard.link !== 'none' || guard.tree !== 'none')
    faults.push(`The guard was not off: ${guard.link}, ${guard.tree}.`);
  if (alive !== PROCESSES)
    faults.push(`${alive} of ${PROCESSES} were alive at the kill, so this proves nothing.`);
  if (workers > 0) faults.push(`Running workers that did not notice that their host was gone: ${workers}.`);
  if (stopped !== 1) faults.push('The stopped worker did not survive, so something else has ended it.');
  if (grandchildren !== GRANDCHILDREN)
    faults.push(
      `Only ${grandchildren} of ${GRANDCHILDREN} grandchildren survived: something else ended them.`,
    );
  if (!goesOn) faults.push('None of them went on counting.');
  return faults;
}

/** Whether the holders of `locks` count more files than they have now. */
async function countOn(locks: readonly string[]): Promise<boolean> {
  const counted = () => locks.reduce((sum, lock) => sum + (readRecord(lock)?.files ?? 0), 0);
  const before = counted();
  const end = performance.now() + DEADLINE_MS;
  while (counted() === before && performance.now() < end) await sleep(2);
  return counted() > before;
}
