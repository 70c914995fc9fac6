import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { addon } from '../../lib/guard/binding.js';
import { until } from './deadline.js';

/** What tests look at of a process. */
export interface ProcStat {
  state: string;
  ppid: number;
  /** Linux only; elsewhere 0. */
  session: number;
  /** When it was started, as the system says it: with the pid, who it is. */
  startTicks: string;
}

const isMac = process.platform === 'darwin';

/** What the system says of `pid`, or on Linux of one of its threads; `undefined` when there is no such process. */
export function readStat(pid: number, thread?: string): ProcStat | undefined {
  if (isMac) return readPs(pid);
  const text = readProc(pid, thread === undefined ? 'stat' : `task/${thread}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, ppid: Number(fields[1]), session: Number(fields[3]), startTicks: fields[19]! };
}

function readPs(pid: number): ProcStat | undefined {
  // The start has blanks in it, and is the last.
  const found = /^\s*(\d+)\s+(\w)\S*\s+(.+?)\s*$/.exec(ps('-o', 'ppid=,state=,lstart=', '-p', `${pid}`));
  if (found === null) return undefined;
  const [, ppid, state, startTicks] = found as unknown as [string, string, string, string];
  return { state, ppid: Number(ppid), session: 0, startTicks };
}

function ps(...args: string[]): string {
  try {
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  } catch (error) {
    // There is no such process.
    if ((error as { status?: number }).status === 1) return '';
    throw error;
  }
}

/** When this process, or a child of it, was started, as the guard counts it: in ticks; on macOS in microseconds. */
export function startTicksOf(pid: number): number {
  if (isMac && pid === process.pid) return Number(addon().hostIdentity().split(':')[1]);
  if (isMac) return addon().startTicksOfChild(pid);
  const ticks = Number(readStat(pid)!.startTicks);
  // The stand-in for macOS counts in its unit, too.
  return addon().darwin === undefined ? ticks : ticks * 10_000;
}

/** Whether the process that had `pid` and `startTicks` still runs; a zombie does not. */
export function isRunning(pid: number, startTicks: string): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/** Linux: the text of one file of /proc/<pid>, or `undefined` when the process is gone. */
export function readProc(pid: number, file: string): string | undefined {
  if (isMac)
    throw new Error(`There is no /proc/${pid}/${file} on macOS: skip the test in test/darwin/skipped.json`);
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** What memory a process has for itself, in bytes: the Private_* lines of /proc/<pid>/smaps_rollup, or the footprint on macOS. */
export function privateBytes(pid: number): number {
  if (isMac) return addon().darwin!.footprintOf(pid);
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
  if (isMac)
    return ps('-A', '-o', 'ppid=')
      .split('\n')
      .filter((line) => Number(line) === pid).length;
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.filter((name) => readStat(Number(name))?.ppid === pid).length;
}
