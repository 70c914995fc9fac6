import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { binding, type ProcessEntry } from './binding.js';
import { isDisabled } from './policy.js';
import { isAlive, readProcessTable } from './process-table.js';

/*
 * cgroup.kill ends processes that may not be signalled: the kernel asks for the right to write there, and for no right over
 * the processes. The cgroup that a process is in is never killed as it is, since others are in it: a host has one for all of
 * its trees. A new one is made below it, with the same limits, and only what is to be killed is moved there.
 */

/** What became of the processes of one cgroup. */
export interface CgroupKill {
  /** Who got SIGKILL. */
  readonly killed: readonly ProcessEntry[];
  readonly failed: readonly ProcessEntry[];
  /** Why. */
  readonly error?: NodeJS.ErrnoException | undefined;
  /** Removes the cgroup that was made; a process that lives on keeps it, and a keeper or a sweep removes it later. */
  remove(): void;
}

/** Kills them by way of cgroups made for it. Never rejects. */
export async function killInCgroups(processes: readonly ProcessEntry[]): Promise<CgroupKill[]> {
  const byCgroup = new Map<string, ProcessEntry[]>();
  const kills: CgroupKill[] = [];
  for (const entry of processes) {
    try {
      const directory = cgroupOf(entry.pid);
      byCgroup.set(directory, [...(byCgroup.get(directory) ?? []), entry]);
    } catch (error) {
      kills.push({ killed: [], failed: [entry], error: error as NodeJS.ErrnoException, remove() {} });
    }
  }
  for (const [directory, entries] of byCgroup) kills.push(await killBelow(directory, entries));
  return kills;
}

async function killBelow(directory: string, entries: readonly ProcessEntry[]): Promise<CgroupKill> {
  const moved: ProcessEntry[] = [];
  let made: string | undefined;
  let error: NodeJS.ErrnoException | undefined;
  try {
    made = mkdtempSync(path.join(directory, 'procguard-kill-'));
    for (const entry of entries) {
      try {
        move(entry.pid, made);
        moved.push(entry);
      } catch (refusal) {
        error ??= refusal as NodeJS.ErrnoException;
      }
    }
    if (moved.length > 0) {
      await sendBackStrangers(moved, made, directory);
      write(path.join(made, 'cgroup.kill'), '1');
    }
  } catch (failure) {
    error = failure as NodeJS.ErrnoException;
    for (const { pid } of moved.splice(0)) sendBack(pid, directory);
  }
  const failed = entries.filter((entry) => !moved.includes(entry));
  return { killed: moved, failed, error, remove: () => made !== undefined && remove(made) };
}

// Between the look at the process table and the move, a pid may have become another process's. One that has its start time
// now had it when it was moved, too.
async function sendBackStrangers(moved: ProcessEntry[], made: string, directory: string): Promise<void> {
  const table = await readProcessTable();
  const strangers = moved.filter((entry) => !isAlive(table, entry));
  const inside = new Set(readFileSync(path.join(made, 'cgroup.procs'), 'utf8').split('\n'));
  for (const { pid } of strangers) {
    if (inside.has(String(pid))) move(pid, directory);
  }
}

function move(pid: number, directory: string): void {
  write(path.join(directory, 'cgroup.procs'), String(pid));
}

// Node's own flag for writing would create the file, which is another right.
function write(file: string, text: string): void {
  const fd = openSync(file, constants.O_WRONLY);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

function sendBack(pid: number, directory: string): void {
  try {
    move(pid, directory);
  } catch {} // it has ended, or stays where the same limits hold
}

function remove(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {}
}

/** The directory of the cgroup v2 that a process is in. Throws when there is none that can be reached. */
function cgroupOf(pid: number): string {
  if (isDisabled('cgroup')) throw new Error('cgroups are disabled');
  const own = binding().ownCgroup();
  if (own === '') throw new Error('there is no cgroup v2 here');
  const ownPath = pathOf('self');
  const itsPath = pathOf(pid);
  if (itsPath === ownPath) return own;
  const prefix = ownPath === '/' ? '/' : `${ownPath}/`;
  if (itsPath.startsWith(prefix)) return path.join(own, itsPath.slice(prefix.length));
  // A mount that shows a part of the hierarchy only has other paths than the kernel says.
  if (own.endsWith(ownPath) && !itsPath.startsWith('/..')) {
    return path.join(own.slice(0, -ownPath.length), itsPath);
  }
  throw new Error(`the cgroup ${itsPath} can't be reached from here`);
}

function pathOf(pid: number | 'self'): string {
  const text = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const line = text.split('\n').find((candidate) => candidate.startsWith('0::'));
  if (line === undefined) throw new Error('it is in no cgroup v2');
  return line.slice('0::'.length);
}
