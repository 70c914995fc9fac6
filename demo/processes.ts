import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process of the demo writes into its lock file. */
export interface LockRecord {
  pid: number;
  startTicks: string;
  /** How many files it has counted. */
  files: number;
  /** Whether it has ended by itself. */
  left: boolean;
}

/** Reads the record of a lock file, or `undefined` when its process never got that far. */
export function readRecord(lock: string): LockRecord | undefined {
  const [pid, startTicks, files, state] = readText(lock)?.trim().split(/\s+/) ?? [];
  if (state === undefined) return undefined;
  return { pid: Number(pid), startTicks: startTicks!, files: Number(files), left: state === 'left' };
}

/** Kills the process of the record, if it is still that one: a pid alone may be somebody else's by now. */
export function killRecorded({ pid, startTicks }: LockRecord): void {
  if (readStat(pid)?.[19] !== startTicks) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Stops a process, and returns when it stands still. */
export async function stop(pid: number, deadlineMs: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const end = performance.now() + deadlineMs;
  while (readStat(pid)?.[0] !== 'T') {
    if (performance.now() > end) throw new Error(`Process ${pid} did not stop`);
    await sleep(1);
  }
}

/** The fields of /proc/<pid>/stat from the state on. */
function readStat(pid: number): string[] | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
