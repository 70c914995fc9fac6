import { atMost, nowMs } from '../clock.js';
import type { KillTreeReport } from '../guard/kill-tree.js';
import type { Worker } from '../worker/worker.js';

/** What was done to be sure that nothing of a worker is left. */
export interface Cleanup {
  readonly isDone: boolean;
  readonly durationMs: number;
  /** Processes that had to be killed. */
  readonly killed: readonly number[];
  /** Processes that nothing could kill. */
  readonly survivors: readonly number[];
  readonly attempts: readonly Attempt[];
}

/** What did not do what it should. */
export interface Attempt {
  readonly code: string;
  readonly message: string;
}

/** What became of a look for descendants; undefined: there were none, or nobody can tell. */
export type Look = KillTreeReport | Error | undefined;

// To kill a tree and to wait for its keepers takes ten seconds at most. More means that the process table can't be read to its end.
const limitMs = 30_000;

/** Resolves when a worker that has ended was ended for good, and `look` for what it left is over; within half a minute. */
export async function cleanupOf(worker: Worker, look: Promise<Look>): Promise<Cleanup> {
  const { endedAtMs = nowMs(), terminatedAtMs = endedAtMs } = worker.exit ?? {};
  let looks: (KillTreeReport | Error)[] | undefined;
  const settled = Promise.all([worker.terminations(), look]).then(([terminations, last]) => {
    looks = last === undefined ? terminations : [...terminations, last];
  });
  await atMost(limitMs, settled);
  const durationMs = nowMs() - Math.min(terminatedAtMs, endedAtMs);
  if (looks === undefined) return unfinished(worker, durationMs);
  const reports = looks.filter((one): one is KillTreeReport => !(one instanceof Error));
  const survivors = (reports.at(-1)?.survivors ?? []).filter(lives);
  return {
    isDone: survivors.length === 0 && !(looks.at(-1) instanceof Error),
    durationMs,
    killed: [...new Set(reports.flatMap(({ killed }) => killed))],
    survivors,
    attempts: looks.flatMap(attemptsOf),
  };
}

function unfinished({ pid, exit }: Worker, durationMs: number): Cleanup {
  const hasExited = exit?.exitCode !== null || exit.signal !== null;
  return {
    isDone: false,
    durationMs,
    killed: [],
    survivors: hasExited || pid === undefined ? [] : [pid],
    attempts: [{ code: 'not_finished', message: `The cleanup was not over after ${limitMs} ms.` }],
  };
}

function attemptsOf(look: KillTreeReport | Error): readonly Attempt[] {
  if (look instanceof Error) {
    const { code = 'failed', message } = look as NodeJS.ErrnoException;
    return [{ code, message }];
  }
  return look.notes.filter(({ code }) => code !== 'no_such_process');
}

/** What survived may have ended since. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
