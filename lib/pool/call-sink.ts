import { ProcguardError } from '../errors.js';
import type { TaskSink } from './task.js';

/** Where the outcome of a call goes: to its promise. */
export class CallSink implements TaskSink {
  /** `succeed` resolves the promise. */
  constructor(readonly succeed: (value: unknown) => void) {}

  item(): void {}

  fail(error: unknown): void {
    this.succeed(rejectWithCaller(error));
  }
}

/**
 * Gives the error a stack that shows who waits for it: it was made where an answer was read, or a timer ran out. The engine finds
 * out by itself whom an async function's end concerns, once the promise of the call follows this one, which takes it three turns.
 */
async function rejectWithCaller(error: unknown): Promise<never> {
  for (let turn = 0; turn < 3; turn++) await undefined;
  if (error instanceof ProcguardError) Error.captureStackTrace(error, rejectWithCaller);
  throw error;
}
