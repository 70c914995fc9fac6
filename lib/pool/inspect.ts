import type { ChildProcess } from 'node:child_process';
import type { RequestInHand } from '../worker/request.js';
import type { Worker } from '../worker/worker.js';

/** One worker, for those who look into it. */
export interface WorkerView {
  /** As in `pool.stats()`. */
  readonly worker: number;
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
  const { number, child, handlers, requestsInHand, lastOfStderr } = worker;
  return { worker: number, child, handlers, requests: requestsInHand, stderr: lastOfStderr };
}
