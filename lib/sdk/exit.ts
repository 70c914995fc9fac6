import { writeSync } from 'node:fs';

/** Nobody is left to answer to: at once, whatever is in hand. */
export function hostIsGone(): never {
  process.exit(0);
}

/** The host can't be understood, or doesn't want this worker. */
export function breakOff(error: unknown): never {
  const text = error instanceof Error ? error.message : String(error);
  try {
    writeSync(2, `procguard worker: ${text}\n`);
  } catch {
    // stderr may be closed, and there is no other place to say it.
  }
  process.exit(1);
}
