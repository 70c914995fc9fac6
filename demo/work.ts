import type { Batch } from './batches.js';
import { callFaults } from './calls.js';
import type { CountingPool } from './counting-pool.js';
import { Bar, grouped, table, verdict } from './screen.js';
import { addUp, equal, top, total } from './words.js';

/** Lets the pool count everything, and checks each answer. */
export async function work(counting: CountingPool, batches: readonly Batch[]): Promise<boolean> {
  await counting.pool.ready();
  const started = performance.now();
  const bar = new Bar('counting');
  let answered = 0;
  const made = batches.map((batch) => counting.count(batch));
  await Promise.all(made.map(({ done }) => done.then(() => bar.grow(++answered / made.length))));
  bar.end(`${((performance.now() - started) / 1000).toFixed(1)} s`);

  const calls = made.map(({ call }) => call);
  const words = addUp(calls.map(({ answer }) => answer ?? new Map()));
  const rows = top(words, 5, 5).map(([word, count]) => [word, grouped(count)]);
  table(['the most frequent words of five letters and more', 'times'], rows);
  const ledger = counting.ledger(calls);
  const faults = callFaults(calls, ledger);
  if (!equal(words, addUp(batches.map((batch) => batch.words)))) faults.push('The sums differ.');
  const workers = new Set(ledger.map(({ worker }) => worker)).size;
  return verdict(faults, [
    `${calls.length} calls, each answered, and each run once, by ${workers} workers.`,
    `${grouped(total(words))} words, ${grouped(words.size)} different ones.`,
    'This process alone, in JavaScript, counts exactly the same in every call.',
  ]);
}
