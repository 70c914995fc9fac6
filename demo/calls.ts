import type { Batch } from './batches.js';
import { equal, type Words } from './words.js';

/** One call: its number, what was asked, and how it ended. */
export interface Call {
  number: number;
  batch: Batch;
  answer?: Words;
  error?: Error;
}

/** One line of the ledger, in which workers note each call that they begin. */
export interface LedgerLine {
  call: number;
  worker: number;
}

export function parseLedger(text: string): LedgerLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [call, worker] = line.split(' ').map(Number);
      return { call: call!, worker: worker! };
    });
}

/** What is wrong with `calls`: those unanswered or answered wrongly, and those that did not run exactly once. */
export function callFaults(calls: readonly Call[], ledger: readonly LedgerLine[]): string[] {
  const runs = new Map<number, number>();
  for (const { call } of ledger) runs.set(call, (runs.get(call) ?? 0) + 1);
  const of = `of ${calls.length} calls`;
  const failed = calls.filter(({ error }) => error !== undefined);
  const lost = calls.filter(({ answer, error }) => answer === undefined && error === undefined);
  const wrong = calls.filter(({ answer, batch }) => answer !== undefined && !equal(answer, batch.words));
  const never = calls.filter(({ number }) => !runs.has(number));
  const twice = calls.filter(({ number }) => (runs.get(number) ?? 0) > 1);
  return [
    ...(calls.length === 0 ? ['No call was made.'] : []),
    ...(failed.length > 0
      ? [`${failed.length} ${of} failed, the first with: ${failed[0]!.error!.message}`]
      : []),
    ...(lost.length > 0 ? [`${lost.length} ${of} got no answer.`] : []),
    ...(wrong.length > 0 ? [`${wrong.length} ${of} got a wrong answer.`] : []),
    ...(never.length > 0 ? [`${never.length} ${of} ran in no worker.`] : []),
    ...(twice.length > 0 ? [`${twice.length} ${of} ran more than once.`] : []),
  ];
}
