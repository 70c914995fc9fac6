import type { Alerts } from '../alerts/alerts.js';
import { nowMs } from '../clock.js';
import type { Guard } from '../guard/guarantees.js';
import type { KeeperSighting } from '../guard/keeper-watch.js';
import type { KillTreeReport } from '../guard/kill-tree.js';
import type { Growth } from '../health/memory-growth.js';
import { type Diagnosis, describeDiagnosis } from '../health/verdict.js';
import type { Worker } from '../worker/worker.js';
import type { Series, Slot } from './slot.js';

// Two may be a coincidence.
const loopFailures = 3;
// A loop that stands still for less delays requests, and harms nothing else.
const lagMs = 1000;
// Of alerts of a worker that is replaced: it may have been left alone before, which was said each minute.
const replacedRank = 1;
const toldElsewhere: ReadonlySet<string> = new Set(['grace_needs_keeper', 'keeper_restarting']);

/** A slot's worker has ended, or hangs. */
export function tellLoop(
  alerts: Alerts,
  { index, state, crashes, hangs }: Series,
  { number: worker, pid, child, lastOfStderr }: Worker,
  stacks?: string,
): void {
  const failures = crashes + hangs;
  if (state !== 'waiting' || failures < loopFailures) return;
  const what = hangs === 0 ? 'ended' : crashes === 0 ? 'hung' : 'ended or hung';
  alerts.raise(
    'crash_loop',
    index,
    `${failures} workers of slot ${index} in a row ${what} soon after they were ready.`,
    {
      crashes,
      hangs,
      worker,
      pid,
      exitCode: child?.exitCode,
      signal: child?.signalCode,
      stderr: lastOfStderr,
      stacks,
    },
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
      worker: worker.number,
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
    shouldReplace ? replacedRank : 0,
  );
}

/** A worker has not answered since a request was cancelled, and is replaced. */
export function tellIgnoredCancel(
  alerts: Alerts,
  slot: Slot | undefined,
  { number: worker, pid, requestsInHand }: Worker,
  { method, ageMs }: { method: string; ageMs: number },
  stacks: string | undefined,
): void {
  alerts.raise(
    'worker_unresponsive',
    slot?.index,
    `Worker ${pid} did not answer ${method}, which was cancelled, and has had it for ${(ageMs / 1000).toFixed(1)} s. It is replaced.`,
    {
      worker,
      pid,
      reason: 'ignored_cancel',
      replaced: true,
      method,
      ageMs,
      requests: requestsInHand,
      stacks,
    },
    replacedRank,
  );
}

/** A worker was to be ended. */
export function tellSurvivors(
  alerts: Alerts,
  { number: worker, pid, place }: Worker,
  { survivors, notes }: KillTreeReport,
): void {
  if (survivors.length === 0) return;
  alerts.raise(
    'cleanup_failed',
    place.slot,
    `Worker ${pid} and what it started were to be ended, and nothing could end ${survivors.join(', ')}.`,
    { worker, pid, survivors, attempts: notes },
  );
}

/** Of a worker. What the pool's options ask for is no downgrade, and `keeper_lost` says what passes in a moment. */
export function tellDowngrades(
  alerts: Alerts,
  { number: worker, pid }: Worker,
  { link, tree, downgrades }: Guard,
): void {
  const unasked = downgrades.filter(({ code }) => !toldElsewhere.has(code));
  if (unasked.length === 0) return;
  const codes = unasked.map(({ code }) => code).join(', ');
  alerts.raise(
    'guard_downgraded',
    undefined,
    `Worker ${pid}, and others that are started like it, are guarded less than was asked for: ${codes}.`,
    { worker, pid, link, tree, downgrades: unasked },
  );
}

export function tellLostKeeper(alerts: Alerts, { pid, restarts, state }: KeeperSighting): void {
  const message = `The keeper ${pid} has died while the host lives. Another is being started.`;
  alerts.raise('keeper_lost', undefined, message, { pid, restarts, state });
}

export function tellMemoryGrowth(
  alerts: Alerts,
  slot: Slot | undefined,
  { number: worker, pid, startedAtMs, requests }: Worker,
  { baselineBytes, nowBytes }: Growth,
): void {
  alerts.raise(
    'memory_growth',
    slot?.index,
    `The memory of worker ${pid} has grown from ${mebibytes(baselineBytes)} to ${mebibytes(nowBytes)}, and goes on growing.`,
    { worker, pid, baselineBytes, nowBytes, ageMs: nowMs() - startedAtMs, requests },
  );
}

const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;

let hasWarned = false;

/** A worker was to have a watchdog. Who asked for one may not listen to alerts, so the first of them is a warning as well. */
export function tellUnwatched(alerts: Alerts, { number: worker, pid, place }: Worker, reason: string): void {
  const message = `Worker ${pid} has no watchdog: ${reason}.`;
  alerts.raise('watchdog_failed', place.slot, message, { worker, pid, reason });
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(`${message} Workers are guarded as guardOf() says.`, {
    type: 'ProcguardWarning',
    code: 'PROCGUARD_WATCHDOG_FAILED',
  });
}

export function tellLag(alerts: Alerts, ms: number): void {
  if (ms < lagMs) return;
  const message = `The event loop of the host stood still for at least ${(ms / 1000).toFixed(1)} s.`;
  alerts.raise('loop_lag', undefined, message, { stoodStillMs: ms });
}
