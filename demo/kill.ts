import { capabilities } from '../lib/index.js';
import { LAYERS } from './layers.js';
import { DEADLINE_MS, LockWatch } from './locks.js';
import { stop } from './processes.js';
import type { Run } from './run.js';
import { Bar } from './screen.js';
import type { Session } from './session.js';

/** A host that was killed, and its processes, by their locks. */
export interface Kill {
  run: Run;
  watch: LockWatch;
  /** A `process.hrtime.bigint()`. */
  killedAt: bigint;
  /** Those whose locks were held right before. */
  alive: readonly string[];
  rows: readonly Row[];
}

export interface Row {
  title: string;
  names: readonly string[];
}

/** Kills a host whose pool is at work, half-way through the first round, with one of the workers stopped. */
export async function killAtWork(session: Session, disable: string): Promise<Kill> {
  const watch = await LockWatch.start(session.library.python);
  const run = session.begin(disable);
  const bar = new Bar('counting');
  await run.reaches(0.5, (rounds) => bar.grow(rounds));
  await stop(run.workers[0]!, DEADLINE_MS);
  const alive = await watch.watch([...run.folder.locks(), ...keeperOf(run)]);
  const killedAt = run.kill();
  await run.end();
  bar.end(`✘ host ${run.hostPid} killed`);
  return { run, watch, killedAt, alive, rows: rowsOf(run) };
}

/** The processes of a run by their kind; the worker that is stopped is a kind of its own. */
function rowsOf(run: Run): Row[] {
  const stopped = run.folder.locks({ layer: 'worker', worker: run.workers[0]! });
  const [workers, ...grandchildren] = LAYERS.map(({ name, title }) => ({
    title,
    names: run.folder.locks({ layer: name }).filter((lock) => !stopped.includes(lock)),
  }));
  return [workers!, { title: 'the worker that was stopped', names: stopped }, ...grandchildren];
}

/** The keeper has no lock; it is watched by its pid, where the kernel can. */
export function keeperOf(run: Run): string[] {
  return run.keeper > 0 && capabilities().kernel.pidfd ? [String(run.keeper)] : [];
}
