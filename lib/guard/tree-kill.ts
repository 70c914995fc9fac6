import { readFileSync } from 'node:fs';
import { nowMs } from '../clock.js';
import { errnoName } from '../errors.js';
import { awaitEnd } from './await-end.js';
import type { ProcessEntry } from './binding.js';
import { killInCgroups } from './kill-cgroup.js';
import type { KillLog } from './kill-log.js';
import { signalGroup, signalProcess } from './kill-methods.js';
import type { TreeSearch } from './tree-search.js';

// How long SIGKILL may take. Longer means uninterruptible sleep, on a dead network file system for instance.
const killPatienceMs = 5000;
const killRoundMs = 500;
// What a group or a cgroup has killed is gone by then, unless it is none of those that could be.
const lookAfterMs = 100;
// A tree whose members fork while they are stopped one by one is gone through this often before it is killed.
const maxFreezeRounds = 20;

/** Ends one tree. What one method can't end is left to the next: its pid, its process group, a cgroup of its own. */
export class TreeKill {
  readonly signalled = new Set<number>();
  readonly killed = new Set<number>();

  constructor(
    private readonly tree: TreeSearch,
    private readonly log: KillLog,
  ) {}

  /** Sends everybody the first signal. Whom it can't reach gets SIGKILL at once. */
  async begin(signal: NodeJS.Signals): Promise<void> {
    const refused: ProcessEntry[] = [];
    for (const entry of this.tree.living) {
      const error = signalProcess(entry, signal);
      if (error === 0) {
        this.signalled.add(entry.pid);
        // A stopped process gets its signal when it goes on.
        if (entry.stopped) signalProcess(entry, 'SIGCONT');
      } else if (error !== undefined) {
        this.#noteRefusal(entry, signal, error, '; SIGKILL follows at once');
        refused.push(entry);
      }
    }
    this.log.debug(`${signal} to ${[...this.signalled].join(', ') || 'nobody'}`);
    const left = refused.filter((entry) => !this.#killByPid(entry));
    // Others of their groups have their grace.
    if (left.length > 0) await this.#killOtherwise(left, { sparing: true });
  }

  /** Stops everything, so that nobody forks or restarts another, then kills it, until a look finds nothing. */
  async finish(): Promise<void> {
    const { tree } = this;
    const deadlineMs = nowMs() + killPatienceMs;
    while (tree.living.length > 0) {
      await this.#freeze();
      const targets = tree.living;
      const left = targets.filter((entry) => !this.#killByPid(entry));
      this.log.debug(`SIGKILL to ${targets.map(({ pid }) => pid).join(', ')}; ${left.length} refused`);
      if (left.length > 0) await this.#killOtherwise(left, { sparing: false });
      await awaitEnd(targets, Math.max(0, Math.min(killRoundMs, deadlineMs - nowMs())));
      await tree.look();
      if (nowMs() >= deadlineMs) break;
    }
    // A nested host's keeper has killed what was its; it gets the time for that.
    if (tree.keepers.length > 0) {
      await awaitEnd(tree.keepers, Math.max(killRoundMs, deadlineMs - nowMs()));
      await tree.look();
    }
    for (const { pid } of tree.living) {
      const message = `${describe(pid)} survived all of it: it is in uninterruptible sleep, or belongs to another user.`;
      this.log.note({ code: 'survived', pids: [pid], message });
    }
  }

  async #freeze(): Promise<void> {
    const { tree } = this;
    for (let round = 0, before = -1; round < maxFreezeRounds && before !== tree.living.length; round++) {
      before = tree.living.length;
      for (const entry of tree.living) signalProcess(entry, 'SIGSTOP');
      try {
        await tree.look();
      } catch {
        return; // what is stopped must not stay so: it is killed, and then looked for again
      }
    }
  }

  /** False: it was refused. */
  #killByPid(entry: ProcessEntry): boolean {
    const error = signalProcess(entry, 'SIGKILL');
    if (error === 0) this.killed.add(entry.pid);
    if (error === 0 || error === undefined || this.killed.has(entry.pid)) return true;
    this.#noteRefusal(entry, 'SIGKILL', error, '');
    return false;
  }

  #noteRefusal({ pid }: ProcessEntry, signal: NodeJS.Signals, error: number, next: string): void {
    const name = errnoName(error);
    const message = `${signal} to ${describe(pid)} failed (${name})${next}.`;
    this.log.note({ code: 'signal_failed', pids: [pid], error: name, message });
  }

  async #killOtherwise(refused: readonly ProcessEntry[], { sparing }: { sparing: boolean }): Promise<void> {
    let left = refused;
    for (const group of new Set(refused.map((entry) => entry.group))) {
      left = await this.#killByGroup(group, left, sparing);
    }
    if (left.length > 0) await this.#killByCgroup(left);
  }

  /** Returns those that are left. */
  async #killByGroup(group: number, left: readonly ProcessEntry[], sparing: boolean) {
    const members = this.tree.membersOfGroup(group);
    const targets = left.filter((entry) => entry.group === group);
    if (members.length === 0 || (sparing && members.length > targets.length)) return left;
    const pids = pidsOf(targets);
    const error = signalGroup(group, 'SIGKILL');
    if (error !== undefined) {
      const message = `SIGKILL to process group ${group} failed (${error.message}).`;
      this.log.note({ code: 'group_failed', pids, error: error.code, message });
      return left;
    }
    const living = await this.#outlived(targets);
    const message = `SIGKILL went to process group ${group} instead${endOf(living)}.`;
    this.log.note({ code: 'group_signalled', pids, living, message });
    return left.filter(({ pid, group: its }) => its !== group || living.includes(pid));
  }

  async #killByCgroup(targets: readonly ProcessEntry[]): Promise<void> {
    for (const { killed, failed, error, remove } of await killInCgroups(targets)) {
      if (failed.length > 0) {
        const pids = pidsOf(failed);
        const message = `SIGKILL to ${pids.join(', ')} by way of a cgroup failed (${error?.message}).`;
        this.log.note({ code: 'cgroup_failed', pids, error: error?.code, message });
      }
      if (killed.length === 0) {
        remove();
        continue;
      }
      const living = await this.#outlived(killed).finally(remove);
      const message = `A cgroup made for ${pidsOf(killed).join(', ')} was killed instead${endOf(living)}.`;
      this.log.note({ code: 'cgroup_killed', pids: pidsOf(killed), living, message });
    }
  }

  /** Gives them a moment to end, and returns the pids of those that did not. */
  async #outlived(targets: readonly ProcessEntry[]): Promise<number[]> {
    const living = pidsOf(await awaitEnd(targets, lookAfterMs));
    for (const { pid } of targets) {
      if (!living.includes(pid)) this.killed.add(pid);
    }
    return living;
  }
}

const pidsOf = (entries: readonly { pid: number }[]) => entries.map(({ pid }) => pid);

function endOf(living: readonly number[]): string {
  return living.length === 0 ? ', and that ended it' : `, and ${living.join(', ')} live on`;
}

/** Its pid, and what else says who it is and why it can't be ended. */
function describe(pid: number): string {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
    return `${pid} (${field('Name')}, user ${field('Uid')?.split('\t')[0]}, state ${field('State')})`;
  } catch {
    return String(pid);
  }
}
