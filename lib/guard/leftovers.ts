import type { ChildProcess } from 'node:child_process';
import { binding, hasJobs, isGuardedPlatform } from './binding.js';
import { recordOf } from './handle.js';
import { parseMark } from './mark.js';
import { readProcessTable } from './process-table.js';

/**
 * Which of these children, all of which have ended, left descendants that still run. One look at the process table
 * answers for all of them. Without a guard nobody can tell, and the answer is none.
 */
export async function withLeftovers(ended: readonly ChildProcess[]): Promise<ChildProcess[]> {
  if (hasJobs) return ended.filter(hasInhabitedJob);
  const trees = new Map<string, ChildProcess>();
  for (const child of isGuardedPlatform ? ended : []) {
    const record = recordOf(child);
    if (record?.state !== 'guarded' || record.policy.containment !== 'tree') continue;
    trees.set(`${binding().hostIdentity()}.${record.native.childNumber}`, child);
  }
  if (trees.size === 0) return [];
  const found = new Set<ChildProcess>();
  for (const { mark, dead, keeper } of (await readProcessTable()).values()) {
    const child = mark === undefined || dead || keeper ? undefined : trees.get(parseMark(mark)?.tree ?? '');
    if (child !== undefined) found.add(child);
  }
  return [...found];
}

function hasInhabitedJob(child: ChildProcess): boolean {
  const pids = recordOf(child)?.native.treePids?.();
  return Array.isArray(pids) && pids.length > 0;
}
