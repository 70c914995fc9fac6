import { ProcguardError } from '../errors.js';

/** A handler threw. `ERR_PROCGUARD_WORKER_ERROR`, or the more special code that the worker gave. */
export class WorkerError extends ProcguardError {
  /** The exception's class in the worker, as in `ValueError`. */
  readonly pythonType: string | undefined;
  /** The worker's own traceback, without the SDK's frames. */
  readonly pythonTraceback: string | undefined;

  constructor(code: string, message: string, pythonType?: string, pythonTraceback?: string) {
    super(code, message);
    this.name = 'WorkerError';
    this.pythonType = pythonType;
    this.pythonTraceback = pythonTraceback;
  }
}

/** `ERR_PROCGUARD_QUEUE_FULL`: `depth` requests wait already. */
export class QueueFullError extends ProcguardError {
  readonly depth: number;

  constructor(depth: number) {
    super(
      'ERR_PROCGUARD_QUEUE_FULL',
      `${depth} requests wait already, which is the pool's \`maxQueue\`. Slow down, add workers with \`resize()\`, or raise \`maxQueue\`.`,
    );
    this.name = 'QueueFullError';
    this.depth = depth;
  }
}

/** How a worker ended. */
export interface WorkerEnd {
  readonly pid: number | undefined;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last lines that it wrote to stderr, oldest first. */
  readonly stderr: readonly string[];
  /** Of its threads, when it was ended because it didn't answer, and its SDK could still say them. */
  readonly stacks: string | undefined;
}

/**
 * The worker ended while it had the request, and nobody knows how far it got. `ERR_PROCGUARD_WORKER_DIED`, or
 * `ERR_PROCGUARD_PROTOCOL` when the pool ended it because what it sent is not the worker protocol; `cause` says what.
 */
export class WorkerDiedError extends ProcguardError {
  readonly pid: number | undefined;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: readonly string[];
  /** What its threads were doing, when it was ended because it didn't answer. */
  readonly stacks: string | undefined;

  constructor(reason: string, end: WorkerEnd, cause?: ProcguardError) {
    super(
      cause?.code ?? 'ERR_PROCGUARD_WORKER_DIED',
      `Worker ${end.pid ?? '(never started)'} ${reason}: ${describeEnd(end)}`,
      cause === undefined ? {} : { cause },
    );
    this.name = 'WorkerDiedError';
    this.pid = end.pid;
    this.exitCode = end.exitCode;
    this.signal = end.signal;
    this.stderr = end.stderr;
    this.stacks = end.stacks;
  }
}

/** In words. */
export function describeStatus({ exitCode, signal }: Pick<WorkerEnd, 'exitCode' | 'signal'>): string {
  if (signal !== null) return `ended by ${signal}`;
  return exitCode === null ? 'ended, status unknown' : `exited with code ${exitCode}`;
}

/** In words, with the last lines of stderr. */
export function describeEnd({ exitCode, signal, stderr }: WorkerEnd): string {
  const end = describeStatus({ exitCode, signal });
  return stderr.length === 0
    ? `${end}; nothing on stderr.`
    : `${end}; the last lines of its stderr:\n${stderr.join('\n')}`;
}
