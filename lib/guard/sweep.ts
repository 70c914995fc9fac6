import os from 'node:os';
import { nowMs } from '../clock.js';
import { checkKeys, invalidOption } from '../errors.js';
import { awaitEnd } from './await-end.js';
import { addon, hasMarks, type ProcessEntry } from './binding.js';
import { findLeftCgroups, killCgroup, removeCgroup } from './cgroup-sweep.js';
import { type Mark, parseMark } from './mark.js';
import { readArguments, readBootId } from './process-facts.js';
import { ancestry, isAlive, type ProcessTable, readProcessTable } from './process-table.js';

export interface SweepOptions {
  /** Only find, kill nothing and remove nothing. */
  dryRun?: boolean | undefined;
}

/** A process that carries a mark, and why it was left alone. */
export interface SkippedProcess {
  readonly pid: number;
  readonly reason:
    | 'host_alive'
    | 'keeper_at_work'
    | 'malformed_mark'
    | 'other_boot'
    | 'other_namespace'
    | 'host_unknown'
    | 'own_ancestor';
}

export interface SweepReport {
  /** The orphans: processes whose host is dead. */
  readonly found: number[];
  /** Those that got `SIGKILL`. */
  readonly killed: number[];
  /** Those that live in spite of it. */
  readonly survivors: number[];
  readonly skipped: SkippedProcess[];
  /** Directories that dead hosts left, with `dryRun` found and not removed. */
  readonly cgroups: string[];
  readonly durationMs: number;
}

const killPatienceMs = 5000;
// A host that has died this moment is its own keeper's affair, which is a matter of milliseconds unless it grants
// its trees a grace.
const keeperPatienceMs = 1000;
// Orphans may fork until the last of them is dead.
const maxRounds = 20;

/**
 * Finds and kills what dead hosts have left behind; meant for the start of a program. The process table is the
 * registry: an orphan is a process whose mark names a host that is not alive, with that start time, in this boot. What
 * can't be told is never killed: a malformed mark, an unreadable environment, a process of another pid namespace. On
 * Windows a dead host leaves nothing, and nothing is found.
 *
 * Rejects with `ERR_PROCGUARD_INVALID_OPTION`, `ERR_PROCGUARD_ADDON_UNAVAILABLE` or `ERR_PROCGUARD_SYSTEM`.
 *
 * ```ts
 * const { found, survivors } = await sweep();
 * ```
 */
export async function sweep(options: SweepOptions = {}): Promise<SweepReport> {
  checkKeys('options', options, ['dryRun']);
  const { dryRun = false } = options;
  if (typeof dryRun !== 'boolean') throw invalidOption('dryRun', dryRun, 'true, false');
  const startedMs = nowMs();
  const found = new Set<number>();
  const killed = new Set<number>();
  let skipped: SkippedProcess[] = [];
  let orphans: ProcessEntry[] = [];
  let cgroups: string[] = [];
  if (hasMarks) {
    const bootId = await readBootId();
    await awaitKeepers(bootId);
    for (let round = 0; round < maxRounds; round++) {
      const table = await readProcessTable();
      ({ orphans, skipped } = sort(table, bootId, await hostsWithKeepers(table)));
      for (const { pid } of orphans) found.add(pid);
      if (dryRun || orphans.length === 0 || nowMs() - startedMs > killPatienceMs) break;
      for (const { pid, startTicks } of orphans) {
        if (addon().signal(pid, startTicks, os.constants.signals.SIGKILL) === 0) killed.add(pid);
      }
      await awaitEnd(orphans, Math.max(0, killPatienceMs - (nowMs() - startedMs)));
    }
    const table = await readProcessTable();
    const kept = await hostsWithKeepers(table);
    const line = ancestry(table, process.pid);
    const left = await findLeftCgroups(addon().ownCgroup(), table, (pid, startTicks) =>
      [...kept.keys()].some((identity) => identity.startsWith(`${pid}:${startTicks}:`)),
    );
    cgroups = left.map(({ directory }) => directory);
    for (const cgroup of left) {
      // A process that has lost its mark is known by its cgroup alone.
      for (const { pid } of cgroup.members) found.add(pid);
      if (dryRun || cgroup.members.some(({ pid }) => line.has(pid))) continue;
      await killCgroup(cgroup);
      for (const { pid } of cgroup.members) killed.add(pid);
      orphans.push(
        ...(await awaitEnd(cgroup.members, killPatienceMs)).map(({ pid }) => table.get(pid) as ProcessEntry),
      );
      await removeCgroup(cgroup);
    }
  }
  return {
    found: [...found],
    killed: [...killed],
    survivors: dryRun ? [] : orphans.map(({ pid }) => pid),
    skipped,
    cgroups,
    durationMs: nowMs() - startedMs,
  };
}

async function awaitKeepers(bootId: string): Promise<void> {
  const table = await readProcessTable();
  const kept = await hostsWithKeepers(table);
  const busy: ProcessEntry[] = [];
  for (const [identity, keeper] of kept) {
    const host = parseMark(`${identity}.0`);
    if (host !== undefined && host.bootId === bootId && !isHostAlive(host, table)) busy.push(keeper);
  }
  if (busy.length > 0) await awaitEnd(busy, keeperPatienceMs);
}

/** The living keepers, by their hosts' identities. A keeper is told its host as its only argument. */
export async function hostsWithKeepers(table: ProcessTable): Promise<Map<string, ProcessEntry>> {
  const kept = new Map<string, ProcessEntry>();
  for (const entry of table.values()) {
    if (!entry.keeper || entry.dead) continue;
    const [, identity] = await readArguments(entry.pid);
    if (identity !== undefined) kept.set(identity, entry);
  }
  return kept;
}

function sort(table: ProcessTable, bootId: string, kept: Map<string, ProcessEntry>) {
  const orphans: ProcessEntry[] = [];
  const skipped: SkippedProcess[] = [];
  // A sweep that runs inside an orphaned tree must not saw off its own branch.
  const line = ancestry(table, process.pid);
  for (const entry of table.values()) {
    if (entry.mark === undefined || entry.dead) continue;
    const reason = line.has(entry.pid)
      ? 'own_ancestor'
      : whySkipped(entry, parseMark(entry.mark), bootId, table, kept);
    if (reason === undefined) orphans.push(entry);
    else skipped.push({ pid: entry.pid, reason });
  }
  return { orphans, skipped };
}

function whySkipped(
  entry: ProcessEntry,
  mark: Mark | undefined,
  bootId: string,
  table: ProcessTable,
  kept: Map<string, ProcessEntry>,
): SkippedProcess['reason'] | undefined {
  if (mark === undefined) return 'malformed_mark';
  // No process outlives a boot: this mark was copied, or came with a restored machine.
  if (mark.bootId !== bootId) return 'other_boot';
  // In another pid namespace, the pid in the mark is another process's here.
  if (!entry.sameNamespaces) return 'other_namespace';
  if (kept.has(mark.host) && !isHostAlive(mark, table)) return 'keeper_at_work';
  const host = table.get(mark.hostPid);
  if (host === undefined) return canBeHidden(mark.hostPid) ? 'host_unknown' : undefined;
  return isHostAlive(mark, table) ? 'host_alive' : undefined;
}

// A dead host that nobody has reaped yet is dead.
export function isHostAlive(mark: Mark, table: ProcessTable): boolean {
  return isAlive(table, { pid: mark.hostPid, startTicks: mark.hostStartTicks });
}

// A mount option of /proc hides other users' processes; a signal 0 does not.
function canBeHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
