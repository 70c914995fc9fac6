import os from 'node:os';
import { binding } from './binding.js';
import type { ProcessId } from './process-table.js';

/** Signals one process. 0, a negative errno, or undefined when it has ended meanwhile. */
export function signalProcess({ pid, startTicks }: ProcessId, signal: NodeJS.Signals): number | undefined {
  const error = binding().signal(pid, startTicks, os.constants.signals[signal]);
  return error === -os.constants.errno.ESRCH ? undefined : error;
}

/** Signals a process group. Undefined: at least one member got it; the kernel doesn't say who. */
export function signalGroup(group: number, signal: NodeJS.Signals): NodeJS.ErrnoException | undefined {
  try {
    process.kill(-group, signal);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
