import type { ChildProcess } from 'node:child_process';
import { errnoName, ProcguardError } from '../errors.js';
import { binding } from '../guard/binding.js';
import { killTree } from '../guard/kill-tree.js';
import { withLeftovers } from '../guard/leftovers.js';
import { readProcessTable } from '../guard/process-table.js';
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

/** Calls `ended` when the process that has started this one ends. Throws `ERR_PROCGUARD_SYSTEM` where that can't be told. */
export async function watchParent(syscall: string, ended: () => void): Promise<void> {
  const parent = process.ppid;
  const table = await readProcessTable();
  const startTicks = table.get(parent)?.startTicks ?? 0;
  // The number of a parent that has ended may be a younger stranger's.
  const isGone = table.get(process.pid)?.parent !== parent;
  if (isGone && (startTicks !== 0 || !table.has(parent))) throw parentGone();
  const watched = new (binding().GuardedProcess)();
  const error = watched.open(parent, startTicks, ended);
  if (error !== 0) {
    throw new ProcguardError(
      'ERR_PROCGUARD_SYSTEM',
      `The end of process ${parent}, which has started procguard, can't be watched (${errnoName(error)}). Start procguard from a process of the same user.`,
      { errno: error, syscall },
    );
  }
  watched.setReferenced(false);
}

function parentGone(): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_SYSTEM',
    'The process that has started procguard is gone, and with it the reason to run the command.',
  );
}
