import type { ChildProcess } from 'node:child_process';
import { binding, hasJobs, isGuardedPlatform } from './binding.js';
import { recordOf } from './handle.js';
import { parseMark } from './mark.js';
import { ancestry, type ProcessId, readProcessTable } from './process-table.js';

/** A process with what the marks of its tree name it by, where they do. */
export interface TreeId extends ProcessId {
  readonly childNumber?: number;
}

/** Who this child is. Undefined: it has ended, or can't be looked at. */
export function identify(child: ChildProcess): TreeId | undefined {
  const { pid } = child;
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  if (!isGuardedPlatform || pid === undefined || hasEnded) return undefined;
  // Nobody has waited for it, so nobody else can have its pid.
  const startTicks = binding().startTicksOfChild(pid);
  if (startTicks === 0) return undefined;
  const record = recordOf(child);
  const isMarked = record?.state === 'guarded' && record.policy.containment === 'tree';
  return { pid, startTicks, ...(isMarked ? { childNumber: record.native.childNumber } : {}) };
}

/**
 * Who has this pid in the tree of the child: the child itself, or, behind a launcher, a descendant. Undefined: nobody who can
 * be looked at.
 */
export async function identifyWithin(child: ChildProcess, pid: number): Promise<TreeId | undefined> {
  const root = identify(child);
  if (root === undefined || root.pid === pid) return root;
  const table = await readProcessTable();
  const entry = table.get(pid);
  if (entry === undefined || entry.dead) return undefined;
  if (hasJobs) {
    const pids = recordOf(child)?.native.treePids?.();
    const isInJob = Array.isArray(pids) && pids.includes(pid);
    return isInJob || ancestry(table, pid).has(root.pid) ? { pid, startTicks: entry.startTicks } : undefined;
  }
  const tree = `${binding().hostIdentity()}.${root.childNumber}`;
  const isMarked = entry.mark !== undefined && parseMark(entry.mark)?.tree === tree;
  if (!isMarked && !ancestry(table, pid).has(root.pid)) return undefined;
  return { pid, startTicks: entry.startTicks };
}
