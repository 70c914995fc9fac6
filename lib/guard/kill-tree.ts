import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import { nowMs } from '../clock.js';
import { checkKeys, errnoName, invalidOption } from '../errors.js';
import { awaitEnd } from './await-end.js';
import { binding, hasJobs, isGuardedPlatform, type ProcessEntry } from './binding.js';
import { recordOf } from './handle.js';
import { killByJob } from './kill-job.js';
import { parseMark } from './mark.js';
import { checkGraceMs } from './policy.js';
import { ancestry, type ProcessId, type ProcessTable, readProcessTable } from './process-table.js';

export interface KillTreeOptions {
  /** The first signal; the default is `'SIGTERM'`. */
  signal?: NodeJS.Signals | undefined;
  /** Milliseconds between the first signal and `SIGKILL`, 0 to 300000; the default is 5000. */
  graceMs?: number | undefined;
}

/** A step that did not do what it should, and what was done instead. `code` is stable. */
export interface KillNote {
  readonly code: 'no_such_process' | 'signal_failed' | 'grace_passed' | 'group_signalled' | 'survived';
  readonly message: string;
}

export interface KillTreeReport {
  /** Who got the first signal. */
  readonly signalled: number[];
  /** Who got `SIGKILL`. */
  readonly killed: number[];
  /** Who lives in spite of all; empty is the proof that the tree is gone. A zombie counts as dead. */
  readonly survivors: number[];
  readonly durationMs: number;
  readonly notes: KillNote[];
}

const defaultGraceMs = 5000;
// How long SIGKILL may take. Longer means uninterruptible sleep, on a dead network file system for instance.
const killPatienceMs = 5000;
const killRoundMs = 500;
// A tree whose members fork while they are stopped one by one is gone through this often before it is killed.
const maxFreezeRounds = 20;

/**
 * Ends a child, or any process, with all its descendants: `signal`, `graceMs`, `SIGKILL`, and verified. Finds also
 * those that left the tree by `setsid` or a double fork, if they carry the mark of a guarded child. Never signals this
 * process, its ancestors or a stranger. A signal that fails is followed by a stronger one at once, and said in `notes`. On
 * Windows only the workers of a pool can be asked to end, by CTRL_BREAK; anything else is ended at once, and `notes` says so.
 *
 * Rejects with `ERR_PROCGUARD_INVALID_OPTION`, `ERR_PROCGUARD_ADDON_UNAVAILABLE` or `ERR_PROCGUARD_SYSTEM`.
 *
 * ```ts
 * const { survivors, durationMs } = await killTree(child, { graceMs: 2000 });
 * ```
 */
export async function killTree(
  target: ChildProcess | number,
  options: KillTreeOptions = {},
): Promise<KillTreeReport> {
  const { signal, graceMs } = checkOptions(options);
  const root = rootOf(target);
  if (hasJobs) return killByJob(target, signal, graceMs);
  const hunt = new Hunt(root);
  const startedMs = nowMs();
  await hunt.look();
  if (hunt.living.length === 0) {
    hunt.note('no_such_process', 'There is no such process, and nothing of its tree is left.');
  } else {
    if (signal !== 'SIGKILL') {
      hunt.sendFirst(signal);
      await hunt.wait(graceMs);
      await hunt.look();
      if (hunt.living.length > 0) {
        hunt.note(
          'grace_passed',
          `${hunt.living.length} of the tree did not end within ${graceMs} ms of ${signal}.`,
        );
      }
    }
    await hunt.kill();
  }
  return {
    signalled: [...hunt.signalled],
    killed: [...hunt.killed],
    survivors: hunt.living.map(({ pid }) => pid),
    durationMs: nowMs() - startedMs,
    notes: hunt.notes,
  };
}

interface Root {
  readonly pid: number | undefined;
  /** What the marks of its tree begin with. */
  readonly tree: string | undefined;
  readonly isOurChild: boolean;
}

function checkOptions(options: KillTreeOptions): { signal: NodeJS.Signals; graceMs: number } {
  checkKeys('options', options, ['signal', 'graceMs']);
  const { signal = 'SIGTERM', graceMs = defaultGraceMs } = options;
  if (!Object.hasOwn(os.constants.signals, signal)) {
    throw invalidOption('signal', signal, "the name of a signal, as in 'SIGTERM'");
  }
  checkGraceMs('graceMs', graceMs);
  return { signal, graceMs };
}

function rootOf(target: ChildProcess | number): Root {
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
class Hunt {
  readonly signalled = new Set<number>();
  readonly killed = new Set<number>();
  readonly notes: KillNote[] = [];
  living: ProcessEntry[] = [];
  /** Everything that was ever seen of the tree, by pid. */
  private readonly known = new Map<number, ProcessId>();
  /** Keepers of hosts inside the tree: they end by themselves when they have ended their own trees. */
  private keepers: ProcessEntry[] = [];
  private first = true;

  constructor(private root: Root) {}

  note(code: KillNote['code'], message: string): void {
    this.notes.push({ code, message });
  }

  async look(): Promise<void> {
    const table = await readProcessTable();
    const spared = ancestry(table, process.pid);
    if (this.first) this.checkRoot(table, spared);
    const members = new Map<number, ProcessEntry>();
    for (const entry of table.values()) {
      if (this.isSeed(entry)) members.set(entry.pid, entry);
    }
    this.first = false;
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
    for (const entry of found) this.known.set(entry.pid, entry);
    this.keepers = found.filter(({ keeper }) => keeper);
    this.living = found.filter(({ keeper }) => !keeper);
  }

  private checkRoot(table: ProcessTable, ancestors: Set<number>): void {
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

  private isSeed(entry: ProcessEntry): boolean {
    const known = this.known.get(entry.pid);
    if (known !== undefined) return known.startTicks === entry.startTicks;
    if (this.first && entry.pid === this.root.pid)
      return !this.root.isOurChild || entry.parent === process.pid;
    const { tree } = this.root;
    // Nearly all marks are other trees', and taking one apart takes long.
    if (tree === undefined || !entry.mark?.startsWith(tree)) return false;
    return parseMark(entry.mark)?.tree === tree;
  }

  sendFirst(signal: NodeJS.Signals): void {
    for (const entry of this.living) {
      const error = this.send(entry, signal);
      if (error === 0) {
        this.signalled.add(entry.pid);
        // A stopped process gets its signal when it goes on.
        if (entry.stopped) this.send(entry, 'SIGCONT');
      } else if (error !== undefined) {
        this.note(
          'signal_failed',
          `${signal} to ${entry.pid} failed (${errnoName(error)}); SIGKILL follows at once.`,
        );
        this.sendKill(entry);
      }
    }
  }

  async wait(ms: number): Promise<void> {
    await awaitEnd(this.living, ms);
  }

  /** Stops everything, so that nobody forks or restarts another, then kills it, until a look finds nothing. */
  async kill(): Promise<void> {
    const deadlineMs = nowMs() + killPatienceMs;
    while (this.living.length > 0) {
      await this.freeze();
      for (const entry of this.living) this.sendKill(entry);
      await awaitEnd(this.living, Math.max(0, Math.min(killRoundMs, deadlineMs - nowMs())));
      await this.look();
      if (nowMs() >= deadlineMs) break;
    }
    // A nested host's keeper has killed what was its; it gets the time for that.
    if (this.keepers.length > 0) {
      await awaitEnd(this.keepers, Math.max(killRoundMs, deadlineMs - nowMs()));
      await this.look();
    }
    for (const { pid } of this.living) {
      this.note(
        'survived',
        `${pid} survived SIGKILL: it is in uninterruptible sleep, or belongs to another user.`,
      );
    }
  }

  private async freeze(): Promise<void> {
    for (let round = 0, before = -1; round < maxFreezeRounds && before !== this.living.length; round++) {
      before = this.living.length;
      for (const entry of this.living) this.send(entry, 'SIGSTOP');
      try {
        await this.look();
      } catch {
        return; // what is stopped must not stay so: it is killed, and then looked for again
      }
    }
  }

  private sendKill(entry: ProcessEntry): void {
    const error = this.send(entry, 'SIGKILL');
    if (error === 0) {
      this.killed.add(entry.pid);
    } else if (error !== undefined && !this.killed.has(entry.pid)) {
      this.note('signal_failed', `SIGKILL to ${entry.pid} failed (${errnoName(error)}).`);
      this.killGroup(entry);
    }
  }

  // The next method: a group may be signalled through any member that may be. Only a group that the tree leads, since
  // no stranger is in it.
  private killGroup(entry: ProcessEntry): void {
    const leader = this.known.get(entry.group);
    if (leader === undefined || entry.group <= 1 || entry.group === process.pid) return;
    try {
      process.kill(-entry.group, 'SIGKILL');
      this.note('group_signalled', `SIGKILL went to process group ${entry.group} instead.`);
    } catch (error) {
      this.note(
        'signal_failed',
        `SIGKILL to process group ${entry.group} failed (${(error as Error).message}).`,
      );
    }
  }

  /** 0, a negative errno, or undefined when the process has ended meanwhile. */
  private send({ pid, startTicks }: ProcessId, signal: NodeJS.Signals): number | undefined {
    const error = binding().signal(pid, startTicks, os.constants.signals[signal]);
    return error === -os.constants.errno.ESRCH ? undefined : error;
  }
}
