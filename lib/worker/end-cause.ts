import type { ExitReason } from '../events/events.js';

/** Why a worker was ended: `shut_down` when it was asked to leave and did not, in time. */
export type EndCause = 'shut_down' | 'unhealthy' | 'stuck' | 'protocol' | 'start_timeout';

/** What is known of a worker when it has ended. */
export interface EndFacts {
  /** Why it was ended first; undefined: nobody has ended it. */
  readonly cause: EndCause | undefined;
  readonly wasReady: boolean;
  /** It was asked to leave, or said itself that it does. */
  readonly isLeaving: boolean;
  /** Requests that it had at its end. */
  readonly held: number;
  readonly signal: NodeJS.Signals | null;
}

/** Why the worker ended, in one word. */
export function exitReasonOf({ cause, wasReady, isLeaving, held, signal }: EndFacts): ExitReason {
  if (cause === 'shut_down') return 'killed';
  if (!wasReady) return isLeaving ? 'left' : 'start_failed';
  if (cause !== undefined && cause !== 'start_timeout') return cause;
  return isLeaving && held === 0 && signal === null ? 'left' : 'crashed';
}
