import type { Batch } from './batches.js';
import { type Call, callFaults, type LedgerLine } from './calls.js';
import type { CountingPool } from './counting-pool.js';
import { PROCESSES, WORKERS } from './layers.js';
import { describeHolder } from './lock-folder.js';
import { DEADLINE_MS, LockWatch } from './locks.js';
import { Bar, grouped, table, verdict } from './screen.js';
import type { Session } from './session.js';

/** What was seen of a rolling restart under load. */
export interface Restart {
  calls: readonly Call[];
  ledger: readonly LedgerLine[];
  before: readonly number[];
  after: readonly number[];
  /** The fewest workers that were ready at any look. */
  fewestReady: number;
  /** Processes of the workers before that held their locks when it began. */
  alive: number;
  /** Their locks that are still held afterwards. */
  held: readonly string[];
}

/** Restarts the pool while calls keep coming, and checks that nobody noticed. */
export async function restartUnderLoad(
  session: Session,
  counting: CountingPool,
  batches: readonly Batch[],
): Promise<boolean> {
  const watch = await LockWatch.start(session.library.python);
  const before = counting.pids;
  const alive = await watch.watch(before.flatMap((worker) => counting.folder.locks({ worker })));
  const started = performance.now();
  const bar = new Bar('replaced');
  let fewestReady = WORKERS;
  let looks = 0;
  const look = () => {
    looks++;
    const { ready, workers } = counting.pool.stats();
    fewestReady = Math.min(fewestReady, ready);
    bar.grow(workers.filter(({ pid }) => pid !== undefined && !before.includes(pid)).length / WORKERS);
  };
  const timer = setInterval(look, 1);
  const load = new Load(counting, batches, look);
  let during = 0;
  try {
    await counting.pool.restart();
    during = load.answered;
  } finally {
    clearInterval(timer);
    await load.stop();
  }
  bar.end(`${((performance.now() - started) / 1000).toFixed(1)} s`);
  const held = await watch.released(DEADLINE_MS);
  watch.end();

  const after = counting.pids;
  const { calls } = load;
  const restart: Restart = {
    calls,
    ledger: counting.ledger(calls),
    before,
    after,
    fewestReady,
    alive: alive.length,
    held,
  };
  table(
    ['', 'seen'],
    [
      ['pids of the workers before', before.join(', ')],
      ['pids of the workers after', after.join(', ')],
      ['calls answered meanwhile', String(during)],
      [`fewest workers ready in ${grouped(looks)} looks`, `${fewestReady} of ${WORKERS}`],
    ],
  );
  return verdict(restartFaults(restart), [
    `${calls.length} calls, each answered rightly, and each run once: none was lost, none ran twice.`,
    `All ${WORKERS} workers are new, one after the other: at no look were fewer than ${WORKERS - 1} ready.`,
    `The ${PROCESSES} processes of the old workers have released their locks.`,
  ]);
}

/** What did not go as promised. */
export function restartFaults(restart: Restart): string[] {
  const { calls, ledger, before, after, fewestReady, alive, held } = restart;
  const faults = callFaults(calls, ledger);
  const ran = (workers: readonly number[]) => ledger.some(({ worker }) => workers.includes(worker));
  const stayed = before.filter((pid) => after.includes(pid));
  if (stayed.length > 0) faults.push(`Not replaced: ${stayed.join(', ')}.`);
  if (new Set(after).size !== WORKERS)
    faults.push(`There are ${new Set(after).size} workers, not ${WORKERS}.`);
  if (!ran(before) || !ran(after))
    faults.push('Old and new workers did not both have calls: there was no load.');
  if (fewestReady < WORKERS - 1)
    faults.push(`Ready workers at some moment: only ${fewestReady} of ${WORKERS}.`);
  if (alive !== PROCESSES)
    faults.push(`Only ${alive} of ${PROCESSES} old processes held their locks before.`);
  if (held.length > 0) faults.push(`Still there of the old workers: ${held.map(describeHolder).join(', ')}.`);
  return faults;
}

/** Keeps two calls for each worker under way until it is stopped. */
class Load {
  readonly calls: Call[] = [];
  answered = 0;
  readonly #counting: CountingPool;
  readonly #callers: Promise<void>[];
  #stopped = false;

  constructor(counting: CountingPool, batches: readonly Batch[], onAnswer: () => void) {
    this.#counting = counting;
    this.#callers = Array.from({ length: 2 * WORKERS }, () => this.#callOn(batches, onAnswer));
  }

  /** Makes no more calls, and waits for those under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #callOn(batches: readonly Batch[], onAnswer: () => void): Promise<void> {
    let failed = false;
    while (!this.#stopped && !failed) {
      const { call, done } = this.#counting.count(batches[this.calls.length % batches.length]!);
      this.calls.push(call);
      await done;
      failed = call.error !== undefined;
      if (!failed) this.answered++;
      onAnswer();
    }
  }
}
