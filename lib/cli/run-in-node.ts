import type { ChildProcess } from 'node:child_process';
import { ProcguardError } from '../errors.js';
import { killTree } from '../guard/kill-tree.js';
import { withLeftovers } from '../guard/leftovers.js';
import { exitCodes } from './exit-codes.js';
import { complain } from './output.js';

/*
 * `procguard run` where this process stays, and the command is its guarded child: what Windows and macOS have in common.
 */

// As a shell has them.
const notFound = 127;
const notExecutable = 126;

/** A command that has ended, and how. */
export interface EndedCommand {
  readonly child: ChildProcess;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Starts a command and waits for its end. Resolves with the exit code for one that can't be started, after saying why. */
export async function awaitCommand(
  command: string,
  start: () => ChildProcess,
): Promise<EndedCommand | number> {
  try {
    const child = start();
    return await new Promise((resolve, reject) =>
      child.once('exit', (code, signal) => resolve({ child, code, signal })).once('error', reject),
    );
  } catch (error) {
    if (error instanceof ProcguardError) throw error;
    return cannotStart(command, error as NodeJS.ErrnoException);
  }
}

function cannotStart(command: string, { code }: NodeJS.ErrnoException): number {
  if (code === 'ENOENT') {
    complain(`${command}: not found`);
    return notFound;
  }
  complain(`${command}: can't be executed (${code})`);
  return code === 'EAGAIN' || code === 'ENOMEM' ? exitCodes.system : notExecutable;
}

/** Ends what a command that has ended left behind; resolves with those that live all the same. */
export async function endLeftovers(child: ChildProcess, graceMs: number): Promise<number[]> {
  if ((await withLeftovers([child])).length === 0) return [];
  const how = graceMs > 0 ? ({ signal: 'SIGTERM', graceMs } as const) : ({ signal: 'SIGKILL' } as const);
  return (await killTree(child, how)).survivors;
}
