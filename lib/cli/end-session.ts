import os from 'node:os';
import { awaitEnd } from '../guard/await-end.js';
import { addon, type ProcessEntry } from '../guard/binding.js';
import { readProcessTable } from '../guard/process-table.js';

const killPatienceMs = 5000;
// A member that is killed may have made another just before.
const rounds = 5;

/**
 * Ends those who are left in the session of a leader that has just ended: they are found even where macOS withholds the
 * environment in which their mark is. With a grace, SIGTERM comes first. Resolves with the pids of those that live all the
 * same. Rejects with `ERR_PROCGUARD_SYSTEM`.
 */
export async function endSession(leader: number, graceMs: number): Promise<number[]> {
  let left = await membersOf(leader);
  if (graceMs > 0) left = await end(leader, left, 'SIGTERM', graceMs);
  for (let round = 0; left.length > 0 && round < rounds; round++)
    left = await end(leader, left, 'SIGKILL', killPatienceMs);
  return left.map(({ pid }) => pid);
}

async function end(
  leader: number,
  members: readonly ProcessEntry[],
  signal: NodeJS.Signals,
  patienceMs: number,
): Promise<ProcessEntry[]> {
  for (const { pid, startTicks } of members) addon().signal(pid, startTicks, os.constants.signals[signal]);
  await awaitEnd(members, patienceMs);
  return membersOf(leader);
}

async function membersOf(session: number): Promise<ProcessEntry[]> {
  const table = await readProcessTable();
  // A leader that is there is another one: the number is free once the session is empty.
  if (table.has(session)) return [];
  return [...table.values()].filter((entry) => entry.session === session && !entry.dead);
}
