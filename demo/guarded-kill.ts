import { type Kill, keeperOf, killAtWork } from './kill.js';
import { PROCESSES } from './layers.js';
import { describeHolder } from './lock-folder.js';
import { DEADLINE_MS } from './locks.js';
import type { Run } from './run.js';
import { table, verdict } from './screen.js';
import type { Session } from './session.js';

/** What was seen of the kill of a guarded host. */
export interface GuardedKill {
  /** As the host itself said. */
  guard: Run['guard'];
  /** Processes that held their locks right before. */
  alive: number;
  /** Locks, and the keeper's pid, that were still held at the deadline. */
  held: readonly string[];
  /** Processes that came to their own end, instead of being killed. */
  left: number;
}

/** Kills a guarded host at work, and proves that every lock was released. `tree` is the layer that ends the trees. */
export async function killGuarded(session: Session, tree: 'cgroup' | 'mark'): Promise<boolean> {
  const kill = await killAtWork(session, tree === 'mark' ? 'cgroup' : '');
  const { run, watch, alive, rows } = kill;
  const held = await watch.released(DEADLINE_MS);
  watch.end();

  const keeper = { title: "the keeper, procguard's own helper", names: keeperOf(run) };
  const shown = keeper.names.length > 0 ? [...rows, keeper] : rows;
  table(
    ['', 'alive at the kill', 'all gone after'],
    shown.map((row) => [row.title, String(row.names.length), goneAfter(kill, row.names)]),
  );
  const records = run.folder.records();
  const seen = {
    guard: run.guard,
    alive: alive.filter((name) => !keeper.names.includes(name)).length,
    held,
    left: records.filter(({ left }) => left).length,
  };
  return verdict(guardedFaults(seen, tree), [`All ${PROCESSES} locks are released: 0 survivors.`]);
}

/** What did not go as promised. */
export function guardedFaults({ guard, alive, held, left }: GuardedKill, tree: 'cgroup' | 'mark'): string[] {
  const faults: string[] = [];
  if (guard.tree !== tree) faults.push(`What guarded the trees was ${guard.tree}, not ${tree}.`);
  if (alive !== PROCESSES)
    faults.push(`${alive} of ${PROCESSES} were alive at the kill, so this proves nothing.`);
  if (left > 0) faults.push(`${left} came to their own end, so that they were not killed.`);
  if (held.length > 0)
    faults.push(`Still there after ${DEADLINE_MS} ms: ${held.map(describeHolder).join(', ')}.`);
  return faults;
}

function goneAfter({ watch, killedAt }: Kill, names: readonly string[]): string {
  const ms = watch.millisecondsSince(killedAt, names);
  return ms === undefined ? 'never' : `${ms.toFixed(1)} ms`;
}
