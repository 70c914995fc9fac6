import type { ProcessEntry } from '../guard/binding.js';
import { type Mark, parseMark } from '../guard/mark.js';
import { readBootId } from '../guard/process-facts.js';
import { type ProcessTable, readProcessTable } from '../guard/process-table.js';
import { hostsWithKeepers, isHostAlive } from '../guard/sweep.js';
import { readDetails, readUptimeMs } from './process-details.js';

/** A guarded process with those that it has started. */
export interface GuardedNode {
  readonly pid: number;
  readonly command: string;
  readonly ageMs: number;
  readonly rssBytes: number;
  /**
   * What ends it with its host besides the kernel's own link, which can't be seen from outside: `cgroup` or `mark`, the
   * keeper finds it by that; `none`, its host has no keeper; `unknown`, another boot or namespace.
   */
  readonly tree: 'cgroup' | 'mark' | 'none' | 'unknown';
  readonly children: GuardedNode[];
}

export interface HostEntry {
  readonly pid: number;
  /** `dead`: what it started are orphans, for a keeper at work or the next sweep. */
  readonly state: 'alive' | 'dead' | 'unknown';
  readonly command: string;
  readonly ageMs: number;
  readonly rssBytes: number;
  readonly keeperPid: number | undefined;
  /** Of all its guarded processes. */
  readonly treeRssBytes: number;
  readonly processes: GuardedNode[];
}

/** Every host of this machine that can be seen, the oldest first. Rejects with `ERR_PROCGUARD_SYSTEM`. */
export async function takeInventory(): Promise<HostEntry[]> {
  const table = await readProcessTable();
  const keepers = await hostsWithKeepers(table);
  const bootId = await readBootId();
  const uptimeMs = await readUptimeMs();
  const hosts: HostEntry[] = [];
  for (const [identity, members] of membersByHost(table, keepers.keys())) {
    const mark = parseMark(`${identity}.0`);
    if (mark === undefined) continue;
    hosts.push(await describeHost(mark, members, { table, bootId, uptimeMs, keeper: keepers.get(identity) }));
  }
  return hosts.sort((a, b) => b.ageMs - a.ageMs || a.pid - b.pid);
}

interface Surroundings {
  readonly table: ProcessTable;
  readonly bootId: string;
  readonly uptimeMs: number | undefined;
  readonly keeper: ProcessEntry | undefined;
}

/** By what names a host: what carries its mark, and what that has started without one. */
function membersByHost(table: ProcessTable, kept: Iterable<string>): Map<string, Set<ProcessEntry>> {
  const hosts = new Map<string, Set<ProcessEntry>>([...kept].map((identity) => [identity, new Set()]));
  for (const entry of table.values()) {
    if (entry.dead) continue;
    const identity = hostOf(table, entry);
    if (identity === undefined) continue;
    if (!hosts.has(identity)) hosts.set(identity, new Set());
    hosts.get(identity)?.add(entry);
  }
  return hosts;
}

function hostOf(table: ProcessTable, entry: ProcessEntry): string | undefined {
  const seen = new Set<number>();
  for (
    let at: ProcessEntry | undefined = entry;
    at !== undefined && !seen.has(at.pid);
    at = table.get(at.parent)
  ) {
    if (at.keeper) return undefined;
    if (at.mark !== undefined) return parseMark(at.mark)?.host;
    seen.add(at.pid);
  }
  return undefined;
}

async function describeHost(
  mark: Mark,
  members: Set<ProcessEntry>,
  around: Surroundings,
): Promise<HostEntry> {
  const { table, bootId, uptimeMs, keeper } = around;
  const isForeign =
    mark.bootId !== bootId || [...members].some(({ mark, sameNamespaces }) => mark && !sameNamespaces);
  const isAlive = !isForeign && isHostAlive(mark, table);
  const own = isAlive ? await readDetails(table.get(mark.hostPid) as ProcessEntry, uptimeMs) : undefined;
  const nodes = new Map<number, GuardedNode>();
  for (const entry of members) {
    const { cgroup, ...details } = await readDetails(entry, uptimeMs);
    const inCgroup = new RegExp(`/procguard-\\d+-${mark.hostPid}-${mark.hostStartTicks}(/|$)`).test(cgroup);
    const tree = isForeign ? 'unknown' : keeper === undefined ? 'none' : inCgroup ? 'cgroup' : 'mark';
    nodes.set(entry.pid, { pid: entry.pid, ...details, tree, children: [] });
  }
  const roots: GuardedNode[] = [];
  for (const entry of members) {
    const node = nodes.get(entry.pid) as GuardedNode;
    (nodes.get(entry.parent)?.children ?? roots).push(node);
  }
  return {
    pid: mark.hostPid,
    state: isForeign ? 'unknown' : isAlive ? 'alive' : 'dead',
    command: own?.command ?? '',
    ageMs: own?.ageMs ?? 0,
    rssBytes: own?.rssBytes ?? 0,
    keeperPid: keeper?.pid,
    treeRssBytes: [...nodes.values()].reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    processes: roots,
  };
}
