import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const SETTLE_MS = 200;

/** Those of this process after a garbage collection; Node needs --expose-gc for it. */
export async function settledBytes(): Promise<number> {
  // Twice, with a pause: handles that are closed are freed a turn of the loop after the first.
  for (let round = 0; round < 2; round++) {
    (globalThis as unknown as { gc(): void }).gc();
    await sleep(SETTLE_MS);
  }
  return privateBytes('self');
}

/** Not the resident set: that counts the pages of the program file, which processes of the same program share. */
export function privateBytes(pid: number | 'self'): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = [...rollup.matchAll(/^Private_Dirty:\s+(\d+) kB$/gm)].map(([, kb]) => Number(kb));
  return kilobytes.reduce((sum, kb) => sum + kb, 0) * 1024;
}
