import type { ChildProcess } from 'node:child_process';
import type { StartReason } from '../events/events.js';
import type { RequestInHand } from '../worker/request.js';
import type { Worker } from '../worker/worker.js';

/** One worker, for those who look into it. */
export interface WorkerView {
  /** As in `pool.stats()`. */
  readonly worker: number;
  /** Why it was started: as in its event `procguard:worker:start`. */
  readonly reason: StartReason;
  /** For `guardOf`. Only look at it: the pool ends it. Undefined when its program could not be started. */
  readonly child: ChildProcess | undefined;
  /** The methods that it offers, once it is ready. */
  readonly handlers: readonly string[];
  /** Those that somebody waits for. */
  readonly requests: readonly RequestInHand[];
  /** The last lines, oldest first. */
  readonly stderr: readonly string[];
}

export function viewOf(worker: Worker): WorkerView {
  const { number, place, child, handlers, requestsInHand, lastOfStderr } = worker;
  return {
    worker: number,
    reason: place.reason,
    child,
    handlers,
    requests: requestsInHand,
    stderr: lastOfStderr,
  };
}
