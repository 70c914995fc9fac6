import type { Alerts } from '../alerts/alerts.js';
import type { KillTreeReport } from '../guard/kill-tree.js';
import { type Diagnosis, describeDiagnosis } from '../health/verdict.js';
import type { Worker } from '../worker/worker.js';
import type { Slot } from './slot.js';

// Two may be a coincidence.
const loopCrashes = 3;
// A loop that stands still for less delays requests, and harms nothing else.
const lagMs = 1000;

/** A slot's worker has ended. */
export function tellCrashLoop(
  alerts: Alerts,
  { index, state, crashes }: Slot,
  { pid, child, lastOfStderr }: Worker,
): void {
  if (state !== 'waiting' || crashes < loopCrashes) return;
  alerts.raise(
    'crash_loop',
    index,
    `${crashes} workers of slot ${index} in a row ended soon after they were ready.`,
    { crashes, pid, exitCode: child?.exitCode, signal: child?.signalCode, stderr: lastOfStderr },
  );
}

export function tellFailedSlot(alerts: Alerts, { index, starts, error }: Slot): void {
  const message = `Slot ${index} has no worker and gets none, since too many starts in a row failed.`;
  alerts.raise('slot_failed', index, message, { starts, error });
}

/** A worker does not answer. `stacks` were asked for when it is to be replaced. */
export function tellSilence(
  alerts: Alerts,
  slot: Slot | undefined,
  worker: Worker,
  diagnosis: Diagnosis,
  stacks?: string,
): void {
  const { verdict, reason, shouldReplace, evidence } = diagnosis;
  if (verdict !== 'stalled' && verdict !== 'unresponsive') return;
  const { misses, silentMs, requests, sample, rates } = evidence;
  const { pid } = worker;
  const outcome = shouldReplace ? 'It is replaced' : 'It is not replaced';
  alerts.raise(
    verdict === 'stalled' ? 'worker_stalled' : 'worker_unresponsive',
    slot?.index,
    `Worker ${pid} ${describeDiagnosis(diagnosis)}. ${outcome}.`,
    {
      pid,
      reason,
      replaced: shouldReplace,
      misses,
      silentMs,
      requests,
      cpuShare: rates?.tree?.cpuShare ?? rates?.cpuShare,
      rssBytes: sample?.tree?.rssBytes ?? sample?.rssBytes,
      stacks,
    },
  );
}

/** A worker was to be ended. */
export function tellSurvivors(
  alerts: Alerts,
  slot: Slot | undefined,
  { pid }: { pid?: number | undefined },
  { survivors, notes }: KillTreeReport,
): void {
  if (survivors.length === 0) return;
  alerts.raise(
    'cleanup_failed',
    slot?.index,
    `Worker ${pid} and what it started were to be ended, and nothing could end ${survivors.join(', ')}.`,
    { worker: pid, survivors, attempts: notes },
  );
}

let hasWarned = false;

/** A worker was to have a watchdog. Who asked for one may not listen to alerts, so the first of them is a warning as well. */
export function tellUnwatched(alerts: Alerts, slot: Slot | undefined, { pid }: Worker, reason: string): void {
  const message = `Worker ${pid} has no watchdog: ${reason}.`;
  alerts.raise('watchdog_failed', slot?.index, message, { pid, reason });
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(`${message} Workers are guarded as guardOf() says.`, {
    type: 'ProcguardWarning',
    code: 'PROCGUARD_WATCHDOG_FAILED',
  });
}

export function tellLag(alerts: Alerts, ms: number): void {
  if (ms < lagMs) return;
  const message = `The event loop of the host stood still for ${(ms / 1000).toFixed(1)} s.`;
  alerts.raise('loop_lag', undefined, message, { stoodStillMs: ms });
}
