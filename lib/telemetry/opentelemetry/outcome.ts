import { ProcguardError } from '../../errors.js';
import type { RequestOutcome } from '../../events/events.js';

const outcomes = new Map<string, RequestOutcome>([
  ['ERR_PROCGUARD_CALL_TIMEOUT', 'timed_out'],
  ['ERR_PROCGUARD_WORKER_DIED', 'died'],
  ['ERR_PROCGUARD_QUEUE_FULL', 'refused'],
]);
const ofThePool = new Set(['ERR_PROCGUARD_POOL_CLOSED', 'ERR_PROCGUARD_POOL_FAILED']);

/** How a request ended whose caller got this error. `wasGiven`: a worker had it. */
export function outcomeOf(error: unknown, wasGiven: boolean): RequestOutcome {
  // A signal's reason may be anything, and leaving a stream has none.
  if (!(error instanceof ProcguardError)) return 'cancelled';
  if (ofThePool.has(error.code)) return wasGiven ? 'failed' : 'refused';
  return outcomes.get(error.code) ?? 'failed';
}
