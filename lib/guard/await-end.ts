import { atMost, nowMs } from '../clock.js';
import { addon } from './binding.js';
import { uvErrno } from './errno.js';
import { isAlive, type ProcessId, readProcessTable } from './process-table.js';

// Where processes can't be watched, they are looked at this often.
const lookAgainMs = 20;

/** Waits until all of them have ended, at most `ms`; returns those that still live. */
export async function awaitEnd(processes: readonly ProcessId[], ms: number): Promise<ProcessId[]> {
  const watches = processes.map((process) => watch(process));
  const endedAll = Promise.all(watches.map(({ ended }) => ended));
  try {
    if (watches.every(({ blind }) => !blind)) {
      await atMost(ms, endedAll);
    } else {
      const deadlineMs = nowMs() + ms;
      while (nowMs() < deadlineMs && (await living(processes)).length > 0)
        await atMost(lookAgainMs, endedAll);
    }
  } finally {
    for (const { stop } of watches) stop();
  }
  return living(processes);
}

async function living(processes: readonly ProcessId[]): Promise<ProcessId[]> {
  const table = await readProcessTable();
  return processes.filter((process) => isAlive(table, process));
}

interface Watch {
  readonly ended: Promise<void>;
  /** Its end can't be seen: no pidfds here, or none left. */
  readonly blind: boolean;
  stop(): void;
}

function watch({ pid, startTicks }: ProcessId): Watch {
  const { GuardedProcess } = addon();
  const native = new GuardedProcess();
  let blind = false;
  const ended = new Promise<void>((resolve) => {
    const error = native.open(pid, startTicks, resolve);
    if (error === uvErrno.ESRCH) resolve();
    else blind = error !== 0;
  });
  return { ended, blind, stop: () => native.close() };
}
