import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import { nowMs } from '../clock.js';
import { checkKeys, invalidOption } from '../errors.js';
import { awaitEnd } from './await-end.js';
import { hasJobs } from './binding.js';
import { killByJob } from './kill-job.js';
import { KillLog, type KillNote } from './kill-log.js';
import { checkGraceMs } from './policy.js';
import { TreeKill } from './tree-kill.js';
import { rootOf, TreeSearch } from './tree-search.js';

export type { KillNote } from './kill-log.js';

export interface KillTreeOptions {
  /** The first signal; the default is `'SIGTERM'`. */
  signal?: NodeJS.Signals | undefined;
  /** Milliseconds between the first signal and `SIGKILL`, 0 to 300000; the default is 5000. */
  graceMs?: number | undefined;
}

export interface KillTreeReport {
  /** Who got the first signal. */
  readonly signalled: number[];
  /** Who got `SIGKILL`. */
  readonly killed: number[];
  /** Who lives in spite of all; empty is the proof that the tree is gone. A zombie counts as dead. */
  readonly survivors: number[];
  readonly durationMs: number;
  /** Each step that failed, and what was tried instead; empty when all went well. */
  readonly notes: KillNote[];
}

const defaultGraceMs = 5000;

/**
 * Ends a child, or any process, with all its descendants: `signal`, `graceMs`, `SIGKILL`, and verified. Finds also
 * those that left the tree by `setsid` or a double fork, if they carry the mark of a guarded child. Never signals this
 * process, its ancestors or a stranger. A signal that fails is followed by a stronger one at once: SIGKILL to the pid, to
 * its process group, and by way of a cgroup made for it. `notes` has each, and `NODE_DEBUG=procguard` prints them. On
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
  const tree = new TreeSearch(root);
  const log = new KillLog(String(typeof target === 'number' ? target : target.pid));
  const kill = new TreeKill(tree, log);
  const startedMs = nowMs();
  log.debug(signal === 'SIGKILL' ? 'SIGKILL at once' : `${signal}, ${graceMs} ms, SIGKILL`);
  await tree.look();
  if (tree.living.length === 0) {
    const message = 'There is no such process, and nothing of its tree is left.';
    log.note({ code: 'no_such_process', pids: [], message });
  } else {
    if (signal !== 'SIGKILL') {
      await kill.begin(signal);
      await awaitEnd(tree.living, graceMs);
      await tree.look();
      if (tree.living.length > 0) {
        const message = `${tree.living.length} of the tree did not end within ${graceMs} ms of ${signal}.`;
        log.note({ code: 'grace_passed', pids: tree.living.map(({ pid }) => pid), message });
      }
    }
    await kill.finish();
  }
  return {
    signalled: [...kill.signalled],
    killed: [...kill.killed],
    survivors: tree.living.map(({ pid }) => pid),
    durationMs: nowMs() - startedMs,
    notes: log.notes,
  };
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
