import { readdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ProcessEntry } from './binding.js';

// As native/linux/cgroup.cc names them: the host's pid and start ticks.
const namePattern = /^procguard-(\d{1,10})-(\d{1,18})$/;
const maxDepth = 16;

/** Kills and removes the cgroups that dead hosts left below `parent`; returns their paths. */
export async function sweepCgroups(
  parent: string,
  table: Map<number, ProcessEntry>,
  dryRun: boolean,
): Promise<string[]> {
  const swept: string[] = [];
  for (const name of parent === '' ? [] : await directories(parent)) {
    const host = namePattern.exec(name);
    if (host === null) continue;
    const entry = table.get(Number(host[1]));
    if (entry !== undefined && !entry.dead && entry.startTicks === Number(host[2])) continue;
    const directory = path.join(parent, name);
    swept.push(directory);
    if (!dryRun) await remove(directory);
  }
  return swept;
}

async function remove(directory: string): Promise<void> {
  // A refusal shows in what is left: the directory stays, and with it the next sweep's finding.
  await writeFile(path.join(directory, 'cgroup.kill'), '1').catch(() => {});
  await removeBelow(directory, 0);
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
