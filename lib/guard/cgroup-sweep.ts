import { readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ProcessEntry } from './binding.js';
import type { ProcessTable } from './process-table.js';

// As native/linux/cgroup.cc names them: the host's pid namespace, pid and start ticks.
const namePattern = /^procguard-(\d{1,20})-(\d{1,10})-(\d{1,18})$/;
const maxDepth = 16;

/** A directory that a dead host left. */
export interface LeftCgroup {
  readonly directory: string;
  /** Who lives in it, as far as this process can see them. */
  readonly members: ProcessEntry[];
}

/**
 * The cgroups below `parent` whose hosts are dead and have no keeper at work. A host of another pid namespace can't be
 * judged from here and counts as alive.
 */
export async function findLeftCgroups(
  parent: string,
  table: ProcessTable,
  hasKeeper: (pid: number, startTicks: number) => boolean,
): Promise<LeftCgroup[]> {
  const left: LeftCgroup[] = [];
  if (parent === '') return left;
  const ownNamespace = String((await stat('/proc/self/ns/pid', { bigint: true })).ino);
  for (const name of await directories(parent)) {
    const found = namePattern.exec(name);
    if (found === null || found[1] !== ownNamespace) continue;
    const pid = Number(found[2]);
    const startTicks = Number(found[3]);
    const host = table.get(pid);
    if ((host !== undefined && !host.dead && host.startTicks === startTicks) || hasKeeper(pid, startTicks))
      continue;
    const directory = path.join(parent, name);
    left.push({ directory, members: await membersBelow(directory, table, 0) });
  }
  return left;
}

/** Kills what lives in it. A refusal shows in its members, who live on. */
export async function killCgroup({ directory }: LeftCgroup): Promise<void> {
  await writeFile(path.join(directory, 'cgroup.kill'), '1').catch(() => {});
}

/** A refusal shows in the directory, which stays for the next sweep to find. */
export async function removeCgroup({ directory }: LeftCgroup): Promise<void> {
  await removeBelow(directory, 0);
}

async function membersBelow(directory: string, table: ProcessTable, depth: number) {
  const members: ProcessEntry[] = [];
  const pids = await readFile(path.join(directory, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of pids.split('\n')) {
    const entry = table.get(Number(pid));
    if (pid !== '' && entry !== undefined && !entry.dead) members.push(entry);
  }
  if (depth === maxDepth) return members;
  for (const name of await directories(directory)) {
    members.push(...(await membersBelow(path.join(directory, name), table, depth + 1)));
  }
  return members;
}

async function removeBelow(directory: string, depth: number): Promise<void> {
  if (depth > maxDepth) return;
  for (const name of await directories(directory)) await removeBelow(path.join(directory, name), depth + 1);
  await rmdir(directory).catch(() => {});
}

async function directories(parent: string): Promise<string[]> {
  try {
    const entries = await readdir(parent, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}
