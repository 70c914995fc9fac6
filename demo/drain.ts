import type { CloseReport } from '../lib/index.js';
import type { Batch } from './batches.js';
import { type Call, callFaults, type LedgerLine } from './calls.js';
import type { CountingPool } from './counting-pool.js';
import { LAYERS, PROCESSES, WORKERS } from './layers.js';
import { describeHolder } from './lock-folder.js';
import { DEADLINE_MS, LockWatch } from './locks.js';
import { Bar, say, table, verdict } from './screen.js';
import type { Session } from './session.js';

const CALLS = 24;

/** What was seen of a drain. */
export interface Drain {
  calls: readonly Call[];
  ledger: readonly LedgerLine[];
  /** Calls that were with workers, and that waited for one, when it began. */
  inFlight: number;
  queued: number;
  /** Calls that had ended when close() resolved. */
  ended: number;
  report: CloseReport;
  /** Processes that held their locks when it began. */
  alive: number;
  /** Locks that are still held. */
  held: readonly string[];
  /** Processes that ended by themselves. */
  left: number;
}

/** Closes the pool with calls in flight and waiting, and checks that all were finished and nobody is left. */
export async function drain(
  session: Session,
  counting: CountingPool,
  batches: readonly Batch[],
): Promise<boolean> {
  const { pool, folder } = counting;
  const watch = await LockWatch.start(session.library.python);
  const locks = counting.pids.flatMap((worker) => folder.locks({ worker }));
  const alive = await watch.watch(locks);
  const bar = new Bar('answered');
  const made = batches.slice(0, CALLS).map((batch) => counting.count(batch));
  let ended = 0;
  for (const { done } of made) void done.then(() => bar.grow(++ended / made.length));
  const { inFlight, queued } = pool.stats();
  const startedAt = process.hrtime.bigint();
  const report = await pool.close();
  const endedAtClose = ended;
  bar.end(`${inFlight} in flight and ${queued} queued at close()`);
  const held = await watch.released(DEADLINE_MS);
  watch.end();

  const rows = LAYERS.map(({ name, title }) => {
    const names = locks.filter((lock) => folder.locks({ layer: name }).includes(lock));
    const ms = watch.millisecondsSince(startedAt, names);
    return [title, String(names.length), ms === undefined ? 'never' : `${ms.toFixed(0)} ms`];
  });
  table(['', 'alive at close()', 'all gone after'], rows);
  const { drained, killed, survivors, durationMs } = report;
  const figures = { drained, killed, survivors, durationMs: Math.round(durationMs) };
  say(`  close() resolved to ${JSON.stringify(figures).replaceAll(/[:,]/g, '$& ').replaceAll('"', '')}`);
  say();
  const calls = made.map(({ call }) => call);
  const left = folder.records(locks).filter((record) => record.left).length;
  const seen = { inFlight, queued, ended: endedAtClose, report, alive: alive.length, held, left };
  return verdict(drainFaults({ ...seen, calls, ledger: counting.ledger(calls) }), [
    `All ${calls.length} calls were finished, rightly, before close() resolved.`,
    `All ${PROCESSES} locks are released: every process ended, by itself, and none had to be killed.`,
  ]);
}

/** What did not go as promised. */
export function drainFaults(drain: Drain): string[] {
  const { calls, ledger, inFlight, queued, ended, report, alive, held, left } = drain;
  const { drained, killed, survivors, abandoned } = report;
  const faults = callFaults(calls, ledger);
  if (inFlight === 0 || queued === 0) faults.push('Nothing was in flight or queued, so this proves nothing.');
  if (ended < calls.length) faults.push(`close() resolved before ${calls.length - ended} calls had ended.`);
  if (drained !== WORKERS || killed + survivors + abandoned > 0)
    faults.push(
      `${drained} drained, ${killed} killed, ${survivors} survivors, ${abandoned} calls abandoned.`,
    );
  if (alive !== PROCESSES) faults.push(`Only ${alive} of ${PROCESSES} held their locks before.`);
  if (held.length > 0) faults.push(`Still there: ${held.map(describeHolder).join(', ')}.`);
  if (left !== PROCESSES) faults.push(`Only ${left} of ${PROCESSES} ended by themselves.`);
  return faults;
}
