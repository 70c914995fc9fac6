import { readFileSync } from 'node:fs';

/** What a process of the demo writes into its lock file: who it is, and how many files it has counted. */
export interface LockRecord {
  pid: number;
  startTicks: string;
  files: number;
}

/** Reads the record of a lock file, or `undefined` when its process never got that far. */
export function readRecord(lock: string): LockRecord | undefined {
  const [pid, startTicks, files] = readText(lock)?.trim().split(/\s+/) ?? [];
  return files === undefined
    ? undefined
    : { pid: Number(pid), startTicks: startTicks!, files: Number(files) };
}

/** Kills the process of the record, if it is still that one: a pid alone may be somebody else's by now. */
export function killRecorded({ pid, startTicks }: LockRecord): void {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] !== startTicks) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
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
