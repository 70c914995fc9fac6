import { readdirSync, readFileSync } from 'node:fs';
import { addon } from '../../lib/guard/binding.js';
import { until } from './deadline.js';

/** The lines of /proc/<pid>/stat that tests look at. */
export interface ProcStat {
  state: string;
  ppid: number;
  session: number;
  startTicks: string;
}

/** What /proc says of `pid`, or `undefined` when there is no such process. */
export function readStat(pid: number): ProcStat | undefined {
  const text = readProc(pid, 'stat');
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, ppid: Number(fields[1]), session: Number(fields[3]), startTicks: fields[19]! };
}

/** When the process was started, as the guard counts it: in ticks; that of macOS, on its stand-in, in microseconds. */
export function startTicksOf(pid: number): number {
  const ticks = Number(readStat(pid)!.startTicks);
  return addon().darwin === undefined ? ticks : ticks * 10_000;
}

/** Whether the process that had `pid` and `startTicks` still runs; a zombie does not. */
export function isRunning(pid: number, startTicks: string): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/** The text of one file of /proc/<pid>, or `undefined` when the process is gone. */
export function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** The sum of the Private_* lines of /proc/<pid>/smaps_rollup, in bytes. */
export function privateBytes(pid: number): number {
  const lines = (readProc(pid, 'smaps_rollup') ?? '')
    .split('\n')
    .filter((line) => line.startsWith('Private_'));
  if (lines.length === 0) throw new Error(`No smaps_rollup for process ${pid}`);
  return lines.reduce((sum, line) => sum + Number(/(\d+) kB/.exec(line)?.[1]) * 1024, 0);
}

/** Resolves when the process that has this pid now is gone. */
export async function processGone(pid: number): Promise<void> {
  const stat = readStat(pid);
  if (stat === undefined) return;
  await until(() => (isRunning(pid, stat.startTicks) ? undefined : true), `process ${pid} to be gone`);
}

/** How many children `pid` has, the keeper among them. */
export function childCount(pid: number): number {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.filter((name) => readStat(Number(name))?.ppid === pid).length;
}
