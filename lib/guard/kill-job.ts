import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../clock.js';
import { errnoName, invalidOption } from '../errors.js';
import { awaitEnd } from './await-end.js';
import { addon, type ProcessEntry } from './binding.js';
import { uvErrno } from './errno.js';
import { type GuardRecord, recordOf } from './handle.js';
import { KillLog } from './kill-log.js';
import type { KillTreeReport } from './kill-tree.js';
import { ancestry, type ProcessTable, readProcessTable } from './process-table.js';

/*
 * killTree on Windows. A guarded child's tree is its job, which Windows ends as a whole, in one call. Any other
 * process's is found by the parents that the process table names.
 */

const killPatienceMs = 5000;
const killRoundMs = 500;
const lookAgainMs = 10;
const SIGKILL = 9;

/** `killTree`, with its options checked. */
export async function killByJob(
  target: ChildProcess | number,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<KillTreeReport> {
  const startedMs = nowMs();
  const kill = new JobKill(target);
  await kill.look();
  if (kill.isGone) {
    const message = 'There is no such process, and nothing of its tree is left.';
    kill.log.note({ code: 'no_such_process', pids: [], message });
  } else {
    if (signal !== 'SIGKILL') await kill.ask(signal, graceMs);
    await kill.end();
  }
  return {
    signalled: [...kill.signalled],
    killed: [...kill.killed],
    survivors: kill.pids,
    durationMs: nowMs() - startedMs,
    notes: kill.log.notes,
  };
}

class JobKill {
  readonly signalled = new Set<number>();
  readonly killed = new Set<number>();
  readonly log: KillLog;
  living: ProcessEntry[] = [];
  /** Who is in the job, and younger than the process table: nothing else is known of them. */
  private unknown: number[] = [];
  private readonly record: GuardRecord | undefined;
  private readonly rootPid: number | undefined;
  private readonly isOurChild: boolean;
  /** When each that was ever seen of the tree was started. */
  private readonly known = new Map<number, number>();
  private isFirst = true;

  constructor(target: ChildProcess | number) {
    this.log = new KillLog(String(typeof target === 'number' ? target : target.pid));
    this.isOurChild = typeof target !== 'number';
    if (typeof target === 'number') {
      this.rootPid = target;
      return;
    }
    this.record = recordOf(target);
    const hasEnded = target.exitCode !== null || target.signalCode !== null;
    this.rootPid = hasEnded ? undefined : target.pid;
  }

  get isGone(): boolean {
    return this.living.length === 0 && this.unknown.length === 0;
  }

  get pids(): number[] {
    return [...this.living.map(({ pid }) => pid), ...this.unknown];
  }

  async look(): Promise<void> {
    const table = await readProcessTable();
    // Then the job: the pid of one that was in it before may be a stranger's in the table.
    const inJob = this.readJob();
    this.unknown = inJob.filter((pid) => !table.has(pid));
    const spared = ancestry(table, process.pid);
    if (this.isFirst && !this.isOurChild && this.rootPid !== undefined && spared.has(this.rootPid)) {
      throw invalidOption('target', this.rootPid, 'a process that is not an ancestor of this one');
    }
    const members = new Set(inJob);
    if (this.isFirst && this.rootPid !== undefined && table.has(this.rootPid)) members.add(this.rootPid);
    for (const [pid, startTicks] of this.known) {
      if (table.get(pid)?.startTicks === startTicks) members.add(pid);
    }
    addDescendants(table, members);
    this.living = [...members]
      .filter((pid) => pid > 1 && !spared.has(pid))
      .flatMap((pid) => table.get(pid) ?? []);
    for (const { pid, startTicks } of this.living) this.known.set(pid, startTicks);
    this.isFirst = false;
  }

  private readJob(): number[] {
    const pids = this.treePids();
    if (typeof pids !== 'number') return pids;
    this.noteFailure([], pids, "The job can't be looked into");
    return [];
  }

  /** A child of ours may be given by its pid alone. */
  private treePids(): number[] | number {
    if (this.record !== undefined) return this.record.native.treePids?.() ?? [];
    return this.rootPid === undefined ? [] : addon().treePidsOf(this.rootPid);
  }

  private endTree(): number {
    if (this.record !== undefined) return this.record.native.endTree?.() ?? uvErrno.ESRCH;
    return this.rootPid === undefined ? uvErrno.ESRCH : addon().endTreeOf(this.rootPid);
  }

  /** CTRL_BREAK, where the child leads a console group; Windows knows no other request to end. */
  async ask(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    const error = this.record?.native.sendBreak?.() ?? uvErrno.ENOSYS;
    if (error !== 0) {
      const message =
        error === uvErrno.ENOSYS
          ? `Windows has no ${signal} that a process could answer; the tree is ended at once.`
          : `CTRL_BREAK failed (${errnoName(error)}); the tree is ended at once.`;
      this.log.note({ code: 'signal_failed', pids: this.pids, error: errnoName(error), message });
      return;
    }
    for (const { pid } of this.living) this.signalled.add(pid);
    await awaitEnd(this.living, graceMs);
    await this.look();
    if (this.living.length > 0) {
      const message = `${this.living.length} of the tree did not end within ${graceMs} ms of CTRL_BREAK.`;
      this.log.note({ code: 'grace_passed', pids: this.pids, message });
    }
  }

  /** Ends the job, and whom it doesn't hold, until a look finds nothing. */
  async end(): Promise<void> {
    const deadlineMs = nowMs() + killPatienceMs;
    while (!this.isGone) {
      const ended = this.endJob();
      for (const { pid, startTicks } of this.living) {
        if (ended.includes(pid)) continue;
        const error = addon().signal(pid, startTicks, SIGKILL);
        if (error === 0) this.killed.add(pid);
        else if (error !== uvErrno.ESRCH) this.noteFailure([pid], error, `${pid} can't be ended`);
      }
      await awaitEnd(this.living, Math.max(0, Math.min(killRoundMs, deadlineMs - nowMs())));
      if (this.living.length === 0) await sleep(lookAgainMs);
      await this.look();
      if (nowMs() >= deadlineMs) break;
    }
    for (const pid of this.pids) {
      const message = `${pid} survived its end: it belongs to another user, or is protected.`;
      this.log.note({ code: 'survived', pids: [pid], living: [pid], message });
    }
  }

  /** Whom it has ended. */
  private endJob(): readonly number[] {
    const pids = this.treePids();
    const error = this.endTree();
    if (error === 0 && Array.isArray(pids)) {
      for (const pid of pids) this.killed.add(pid);
      return pids;
    }
    if (error !== 0 && error !== uvErrno.ESRCH) this.noteFailure(this.pids, error, "The job can't be ended");
    return [];
  }

  private noteFailure(pids: number[], errno: number, what: string): void {
    const error = errnoName(errno);
    this.log.note({ code: 'signal_failed', pids, error, message: `${what} (${error}).` });
  }
}

function addDescendants(table: ProcessTable, members: Set<number>): void {
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const { pid, parent } of table.values()) if (members.has(parent)) members.add(pid);
  }
}
