import { capabilities } from '../lib/index.js';
import { LAYERS } from './layers.js';
import { LockWatch } from './locks.js';
import { DEADLINE_MS, type RunOptions } from './run.js';
import { Bar, bad, good, table } from './screen.js';
import { describeHolder, type Session } from './session.js';

/** Kills a guarded host half-way, and proves that every lock was released. */
export async function killGuarded(session: Session, options: RunOptions): Promise<boolean> {
  const watch = await LockWatch.start(session.library.python);
  const run = session.begin(options);
  const bar = new Bar('counting');
  await run.reaches(0.5, (share) => bar.grow(share));
  const keeper = run.keeper && capabilities().kernel.pidfd ? [String(run.keeper)] : [];
  const held = await watch.watch([...run.locks(), ...keeper]);
  const killedAt = run.kill();
  bar.end(`✘ host ${run.hostPid} killed`);
  const left = await watch.released(DEADLINE_MS);
  watch.end();

  const row = (title: string, names: string[]) => {
    const ms = watch.millisecondsSince(killedAt, names);
    const before = names.filter((name) => held.includes(name)).length;
    return [title, String(before), ms === undefined ? 'never' : `${ms.toFixed(1)} ms`];
  };
  const rows = LAYERS.map(({ name, title }) => row(title, run.locks(name)));
  if (keeper.length > 0) rows.push(row("the keeper, procguard's own helper", keeper));
  table(['', 'alive at the kill', 'all gone after'], rows);

  const alive = run.locks().filter((lock) => held.includes(lock)).length;
  if (alive < run.processes) {
    bad(`Only ${alive} of ${run.processes} were alive at the kill, so this proves nothing.`);
    return false;
  }
  const finished = run.results().length;
  if (finished > 0) {
    bad(`${finished} outlived their host until they had done all their work.`);
    return false;
  }
  if (left.length > 0) {
    bad(`${left.length} still there after ${DEADLINE_MS} ms: ${left.map(describeHolder).join(', ')}`);
    return false;
  }
  good(`All ${run.processes} locks are released: 0 survivors.`);
  return true;
}
