import { errnoName, ProcguardError } from '../errors.js';
import { binding, hasJobs } from '../guard/binding.js';
import { type ProcessTable, readProcessTable } from '../guard/process-table.js';
import { complain } from './output.js';
import { isShellOfOneCommand } from './windows-command.js';

interface Parent {
  readonly pid: number;
  readonly startTicks: number;
}

/**
 * Calls `ended` when the process that has started this one ends, or on Windows whoever stands behind a `cmd.exe` that runs nothing but
 * this. Throws `ERR_PROCGUARD_SYSTEM` where that can't be told.
 */
export async function watchParent(syscall: string, ended: () => void): Promise<void> {
  const table = await readProcessTable();
  const parents = [parentOf(table)];
  if (hasJobs) addParentsOfShells(table, parents);
  for (const { pid, startTicks } of parents) {
    const watched = new (binding().GuardedProcess)();
    const error = watched.open(pid, startTicks, ended);
    if (error !== 0) throw cannotWatch(pid, error, syscall);
    watched.setReferenced(false);
  }
}

function parentOf(table: ProcessTable): Parent {
  const pid = process.ppid;
  const startTicks = table.get(pid)?.startTicks ?? 0;
  // The number of a parent that has ended may be a younger stranger's.
  const isGone = table.get(process.pid)?.parent !== pid;
  if (isGone && (startTicks !== 0 || !table.has(pid))) throw parentGone();
  return { pid, startTicks };
}

/** npm's `procguard.cmd` is run by a `cmd.exe`, which goes on when its own parent has ended. */
function addParentsOfShells(table: ProcessTable, parents: Parent[]): void {
  for (const { pid, startTicks } of parents) {
    const line = binding().commandLineOf(pid, startTicks);
    if (typeof line === 'number' && isShell(pid, startTicks)) {
      complain(
        `It can't be told what process ${pid}, cmd.exe, runs (${errnoName(line)}): the command ends when that ends, not when whoever started it does.`,
      );
    }
    if (typeof line === 'number' || !isShellOfOneCommand(line)) return;
    const parent = table.get(table.get(pid)?.parent ?? 0);
    if (parent === undefined) throw parentGone();
    parents.push(parent);
  }
}

function isShell(pid: number, startTicks: number): boolean {
  const program = binding().programOf(pid, startTicks);
  return typeof program === 'string' && /\\cmd\.exe$/i.test(program);
}

function cannotWatch(pid: number, error: number, syscall: string): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_SYSTEM',
    `The end of process ${pid}, which has started procguard, can't be watched (${errnoName(error)}). Start procguard from a process of the same user.`,
    { errno: error, syscall },
  );
}

export function parentGone(): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_SYSTEM',
    'The process that has started procguard is gone, and with it the reason to run the command.',
  );
}
