import { nowMs } from '../clock.js';
import { ProcguardError } from '../errors.js';
import type { Changes } from './changes.js';
import { type Dismissals, termGraceMs } from './dismissal.js';
import type { Remains } from './remains.js';
import type { Router } from './router.js';
import type { Slots } from './slots.js';
import type { Stage } from './stage.js';

export interface CloseReport {
  /** Workers that finished their requests and left by themselves. */
  readonly drained: number;
  /** Processes that had to be killed since `close()` was called, descendants of workers included. */
  readonly killed: number;
  /** Processes that nothing could kill; 0 is the proof that all are gone. */
  readonly survivors: number;
  /** Requests that were given up. */
  readonly abandoned: number;
  readonly durationMs: number;
}

interface Parts {
  readonly slots: Slots;
  readonly router: Router;
  readonly dismissals: Dismissals;
  readonly remains: Remains;
  readonly stage: Stage;
  readonly changes: Changes;
}

/** Finishes the requests of a pool that takes no more, within `graceMs`, and ends all its processes. */
export async function drain(parts: Parts, graceMs: number): Promise<CloseReport> {
  const startedMs = nowMs();
  const killedBefore = parts.remains.killed;
  const abandoned = await finishRequests(parts, graceMs);
  // Those that didn't finish in time get no more.
  const leaveMs = abandoned > 0 ? 0 : Math.max(termGraceMs, graceMs - (nowMs() - startedMs));
  const { drained, killed, survivors } = await endProcesses(parts, leaveMs);
  return {
    drained,
    killed: killed + parts.remains.killed - killedBefore,
    survivors,
    abandoned,
    durationMs: nowMs() - startedMs,
  };
}

/** Resolves to how many were given up. */
async function finishRequests({ slots, router, stage, changes }: Parts, graceMs: number): Promise<number> {
  // A slot without a worker is still needed while requests wait for one.
  if (router.queued === 0)
    for (const slot of slots.all) {
      if (slot.worker === undefined) slot.close();
    }
  await stage.atMost(
    graceMs,
    changes.until(() => router.queued === 0 && router.inFlight === 0),
  );
  for (const slot of slots.all) slot.close();
  const rejected = router.rejectQueue(
    () =>
      new ProcguardError(
        'ERR_PROCGUARD_POOL_CLOSED',
        `The pool was closed, and ${graceMs} ms were not enough for this request to get a worker.`,
      ),
  );
  return rejected + router.inFlight;
}

async function endProcesses({ slots, dismissals, remains }: Parts, leaveMs: number) {
  const ends = await dismissals.dismissAll(slots.workers, leaveMs);
  await remains.cleared();
  await remains.endSurvivors();
  let drained = 0;
  let killed = 0;
  const survivors = remains.survivors;
  let error: Error | undefined;
  for (const end of ends) {
    if (end.status === 'rejected') {
      error ??= end.reason as Error;
      continue;
    }
    if (end.value.drained) drained++;
    killed += end.value.killed;
    for (const pid of end.value.survivors) survivors.add(pid);
  }
  error ??= remains.lastError;
  if (error !== undefined) throw error;
  return { drained, killed, survivors: survivors.size };
}
