import { nowMs } from '../clock.js';
import type { ProcguardError } from '../errors.js';
import type { Diagnosis, Reason, Verdict } from '../health/verdict.js';
import type { RequestInHand } from '../worker/request.js';
import type { Worker } from '../worker/worker.js';
import type { Slot, SlotState } from './slot.js';
import type { StageName } from './stage.js';

export interface PoolStats extends RequestStats {
  /** `draining` from the call of `close()` on, `closed` when it has resolved. */
  readonly stage: StageName;
  /** Slots. */
  readonly size: number;
  /** Slots whose worker takes requests; one that is leaving doesn't. */
  readonly ready: number;
  readonly failed: number;
  readonly workers: readonly WorkerStats[];
}

export interface RequestStats {
  /** Requests that wait for a worker. */
  readonly queued: number;
  /** Requests that workers have, those included that were cancelled and not yet answered. */
  readonly inFlight: number;
  /** Since the pool was made; each request counts once, in one of the three. */
  readonly succeeded: number;
  readonly rejected: number;
  readonly cancelled: number;
}

export interface WorkerStats {
  readonly slot: number;
  /** Counts up in its pool; unlike a pid, never used again. Undefined when the slot has no worker. */
  readonly worker: number | undefined;
  /** What health says of it; `undefined` when the slot has no worker. */
  readonly verdict: Verdict | undefined;
  /** Why it is silent, when it is. */
  readonly reason: Reason | undefined;
  /** How long the last ping that it answered took. */
  readonly pingMs: number | undefined;
  readonly state: SlotState | 'leaving';
  readonly pid: number | undefined;
  readonly inFlight: number;
  /** The oldest request that it has and somebody waits for. */
  readonly request: RequestInHand | undefined;
  readonly requests: number;
  readonly ageMs: number;
  /** Workers that this slot has had before. */
  readonly restarts: number;
  /** Why the last start failed. */
  readonly error: ProcguardError | undefined;
}

export function statsOf(
  slots: readonly Slot[],
  requests: RequestStats,
  stage: StageName,
  diagnosisOf: (worker: Worker) => Diagnosis | undefined,
): PoolStats {
  return {
    stage,
    size: slots.length,
    ready: slots.filter(({ isReady }) => isReady).length,
    failed: slots.filter(({ state }) => state === 'failed').length,
    ...requests,
    workers: slots.map((slot) => workerStatsOf(slot, diagnosisOf)),
  };
}

function verdictOf(worker: Worker): Verdict {
  if (worker.state === 'starting') return 'starting';
  if (worker.state === 'ended') return 'dead';
  return worker.inFlight > 0 ? 'busy' : 'idle';
}

function workerStatsOf(
  { index, state, worker, starts, error }: Slot,
  diagnosisOf: (worker: Worker) => Diagnosis | undefined,
): WorkerStats {
  const diagnosis = worker && diagnosisOf(worker);
  return {
    slot: index,
    worker: worker?.number,
    verdict: worker && (diagnosis?.verdict ?? verdictOf(worker)),
    reason: diagnosis?.reason,
    pingMs: worker?.pingMs,
    state: worker?.state === 'leaving' ? 'leaving' : state,
    pid: worker?.pid,
    inFlight: worker?.inFlight ?? 0,
    request: worker && oldestOf(worker),
    requests: worker?.requests ?? 0,
    ageMs: worker === undefined ? 0 : nowMs() - worker.startedAtMs,
    restarts: Math.max(0, starts - 1),
    error,
  };
}

function oldestOf(worker: Worker): RequestInHand | undefined {
  if (worker.inFlight === 0) return undefined;
  return worker.requestsInHand.reduce<RequestInHand | undefined>(
    (oldest, request) => (oldest === undefined || request.ageMs > oldest.ageMs ? request : oldest),
    undefined,
  );
}
