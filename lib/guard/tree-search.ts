import type { ChildProcess } from 'node:child_process';
import { invalidOption } from '../errors.js';
import { binding, hasJobs, isGuardedPlatform, type ProcessEntry } from './binding.js';
import { recordOf } from './handle.js';
import { parseMark } from './mark.js';
import { ancestry, type ProcessId, type ProcessTable, readProcessTable } from './process-table.js';

interface Root {
  readonly pid: number | undefined;
  /** What the marks of its tree begin with. */
  readonly tree: string | undefined;
  readonly isOurChild: boolean;
}

/** Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function rootOf(target: ChildProcess | number): Root {
  if (typeof target === 'number') {
    if (!Number.isInteger(target) || target <= 1 || target > 0x7fffffff || target === process.pid) {
      throw invalidOption('target', target, 'a ChildProcess, or a pid above 1 that is not this process');
    }
    return { pid: target, tree: undefined, isOurChild: false };
  }
  if (typeof target !== 'object' || target === null || !('pid' in target) || !('exitCode' in target)) {
    throw invalidOption('target', target, 'a ChildProcess, or a pid above 1 that is not this process');
  }
  const record = isGuardedPlatform ? recordOf(target) : undefined;
  const marked = !hasJobs && record?.state === 'guarded' && record.policy.containment === 'tree';
  const ended = target.exitCode !== null || target.signalCode !== null;
  return {
    // The pid of a child that has ended may be a stranger's.
    pid: ended ? undefined : target.pid,
    tree: marked ? `${binding().hostIdentity()}.${record.native.childNumber}` : undefined,
    isOurChild: true,
  };
}

/** One tree, looked at again and again until nothing of it is left. */
export class TreeSearch {
  living: readonly ProcessEntry[] = [];
  /** Keepers of hosts inside the tree: they end by themselves when they have ended their own trees. */
  keepers: readonly ProcessEntry[] = [];
  /** Everything that was ever seen of the tree, by pid. */
  readonly #known = new Map<number, ProcessId>();
  #table: ProcessTable = new Map();
  #first = true;

  constructor(private root: Root) {}

  /** Rejects with `ERR_PROCGUARD_SYSTEM`; the first look, also with `ERR_PROCGUARD_INVALID_OPTION`. */
  async look(): Promise<void> {
    const table = await readProcessTable();
    const spared = ancestry(table, process.pid);
    if (this.#first) this.#checkRoot(table, spared);
    const members = new Map<number, ProcessEntry>();
    for (const entry of table.values()) {
      if (this.#isSeed(entry)) members.set(entry.pid, entry);
    }
    this.#first = false;
    // Children of members, and the sessions that members lead: a session's number is no other process's pid.
    for (let before = -1; before !== members.size; ) {
      before = members.size;
      for (const entry of table.values()) {
        const leader = members.get(entry.session);
        const isFollower = leader !== undefined && leader.session === leader.pid;
        if (members.has(entry.parent) || isFollower) members.set(entry.pid, entry);
      }
    }
    const found = [...members.values()].filter(({ pid, dead }) => !dead && pid > 1 && !spared.has(pid));
    for (const entry of found) this.#known.set(entry.pid, entry);
    this.keepers = found.filter(({ keeper }) => keeper);
    this.living = found.filter(({ keeper }) => !keeper);
    this.#table = table;
  }

  /** Who lives in a process group that the tree leads. Empty: it leads none with this number, or strangers are in it. */
  membersOfGroup(group: number): ProcessEntry[] {
    if (group <= 1 || !this.#known.has(group)) return [];
    const members = this.living.filter((entry) => entry.group === group);
    const all = [...this.#table.values()].filter((entry) => entry.group === group && !entry.dead);
    return members.length === all.length ? members : [];
  }

  #checkRoot(table: ProcessTable, ancestors: Set<number>): void {
    const { pid, isOurChild } = this.root;
    if (pid === undefined || isOurChild) return;
    const entry = table.get(pid);
    if (ancestors.has(pid) || (entry?.keeper && entry.parent === process.pid)) {
      throw invalidOption('target', pid, 'a process that is not an ancestor of this one, nor its keeper');
    }
    // The mark of a direct child is its tree's; further down it is that of a larger tree than was asked for.
    if (entry?.mark === undefined || entry.parent !== process.pid) return;
    const tree = parseMark(entry.mark)?.tree;
    if (tree?.startsWith(`${binding().hostIdentity()}.`)) this.root = { ...this.root, tree };
  }

  #isSeed(entry: ProcessEntry): boolean {
    const known = this.#known.get(entry.pid);
    if (known !== undefined) return known.startTicks === entry.startTicks;
    if (this.#first && entry.pid === this.root.pid)
      return !this.root.isOurChild || entry.parent === process.pid;
    const { tree } = this.root;
    // Nearly all marks are other trees', and taking one apart takes long.
    if (tree === undefined || !entry.mark?.startsWith(tree)) return false;
    return parseMark(entry.mark)?.tree === tree;
  }
}
