import { nowMs } from '../clock.js';
import { ProcguardError } from '../errors.js';
import type { ExitReason } from '../events/events.js';
import type { KillTreeReport } from '../guard/kill-tree.js';
import { type EndCause, exitReasonOf } from './end-cause.js';
import { describeStatus, WorkerDiedError, type WorkerEnd } from './errors.js';
import { endedEarly, withStderr } from './start.js';

/** How a worker ended. */
export interface WorkerExit {
  readonly reason: ExitReason;
  /** The same in words. */
  readonly message: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly endedAtMs: number;
  /** When it was sent the first signal that was to end it; undefined: it got none. */
  readonly terminatedAtMs: number | undefined;
}

/** What leads to the end of one worker, in the order in which it becomes known, and what is told of it. */
export class Ending {
  wasReady = false;
  /** It was asked to leave, or said itself that it does. */
  isLeaving = false;
  /** Why it could not start. */
  startError: ProcguardError | undefined;
  /** What it sent that is not the worker protocol. */
  protocolError: ProcguardError | undefined;
  #cause: EndCause | undefined;
  #reason: string | undefined;
  #stacks: string | undefined;
  #terminatedAtMs: number | undefined;
  #exitCode: number | null = null;
  #signal: NodeJS.Signals | null = null;
  #endedAtMs: number | undefined;
  readonly #terminations: Promise<KillTreeReport | undefined>[] = [];

  get isTerminating(): boolean {
    return this.#cause !== undefined;
  }

  /** It is about to be ended. The first cause counts. */
  begin(cause: EndCause, reason: string, stacks: string | undefined): void {
    this.#cause ??= cause;
    this.#terminatedAtMs ??= nowMs();
    this.#reason ??= reason;
    this.#stacks ??= stacks;
  }

  follow(termination: Promise<KillTreeReport | undefined>): void {
    this.#terminations.push(termination);
  }

  /** What became of each attempt to end it. */
  async terminations(): Promise<(KillTreeReport | Error)[]> {
    const settled = await Promise.allSettled(this.#terminations);
    return settled.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : (one.reason as Error)));
  }

  /** Nothing could end its process. */
  survived(): void {
    this.#reason += ', and survived SIGKILL';
  }

  /** Its process has ended. */
  exited(exitCode: number | null, signal: NodeJS.Signals | null): void {
    this.#exitCode = exitCode;
    this.#signal = signal;
    this.#endedAtMs = nowMs();
  }

  end(pid: number | undefined, stderr: readonly string[]): WorkerEnd {
    return { pid, exitCode: this.#exitCode, signal: this.#signal, stderr, stacks: this.#stacks };
  }

  /** What a request that died with it is told. */
  errorOf(end: WorkerEnd): WorkerDiedError {
    return new WorkerDiedError(this.#reason ?? 'died while it had the request', end, this.protocolError);
  }

  /** Undefined: it was ready once. */
  failedStart(end: WorkerEnd): ProcguardError | undefined {
    if (this.wasReady) return undefined;
    if (this.startError !== undefined) return withStderr(this.startError, end.stderr);
    return this.protocolError ?? endedEarly(end);
  }

  /** `held`: the requests that it had at its end. */
  exit({ pid, exitCode }: WorkerEnd, held: number, failedStart: ProcguardError | undefined): WorkerExit {
    const signal = this.#signal;
    const { wasReady, isLeaving } = this;
    const reason = exitReasonOf({ cause: this.#cause, wasReady, isLeaving, held, signal });
    const words = this.#reason ?? (reason === 'left' ? 'left when it was asked to' : 'died');
    const message =
      reason === 'start_failed' && failedStart !== undefined
        ? failedStart.message
        : `Worker ${pid ?? '(never started)'} ${words}: ${describeStatus({ exitCode, signal })}.`;
    const endedAtMs = this.#endedAtMs ?? nowMs();
    return { reason, message, exitCode, signal, endedAtMs, terminatedAtMs: this.#terminatedAtMs };
  }
}

/** `ERR_PROCGUARD_PROTOCOL` */
export function brokenProtocol(error: Error): ProcguardError {
  return new ProcguardError('ERR_PROCGUARD_PROTOCOL', `It broke the worker protocol: ${error.message}`, {
    cause: error,
  });
}
