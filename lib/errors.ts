import { nearest } from './nearest.js';

/**
 * The base of every error that procguard itself throws. Match on `code`, which is stable; messages are for people.
 * Errors of `child_process` come as Node makes them.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_PROCGUARD_INVALID_OPTION` | an option, or an environment variable that sets one, has a wrong name, type or range; nothing was started |
 * | `ERR_PROCGUARD_ADDON_UNAVAILABLE` | the native addon is missing or can't be loaded |
 * | `ERR_PROCGUARD_PLATFORM_UNSUPPORTED` | a command was asked for that this platform has no guard for |
 * | `ERR_PROCGUARD_UNSERIALIZABLE` | an argument, or a worker's value, can't be sent; the message says where it is |
 * | `ERR_PROCGUARD_NOT_A_WORKER` | `serve` was called in a program that no pool has started |
 * | `ERR_PROCGUARD_SYSTEM` | the operating system refused something; `errno` and `syscall` say what |
 * | `ERR_PROCGUARD_POOL_CLOSED` | the pool takes no more requests, or was closed before it got to this one |
 * | `ERR_PROCGUARD_POOL_FAILED` | no worker could be started; the message says why, with the last lines of its stderr |
 * | `ERR_PROCGUARD_QUEUE_FULL` | `maxQueue` requests wait already; see `QueueFullError` |
 * | `ERR_PROCGUARD_CALL_TIMEOUT` | no answer within the request's `timeoutMs` |
 * | `ERR_PROCGUARD_WORKER_ERROR` | the handler threw; see `WorkerError` |
 * | `ERR_PROCGUARD_WORKER_DIED` | the worker ended while it had the request; see `WorkerDiedError` |
 * | `ERR_PROCGUARD_UNKNOWN_METHOD` | the worker has no such handler |
 * | `ERR_PROCGUARD_CANCELLED` | the worker gave the request up by itself, though somebody waited for it |
 * | `ERR_PROCGUARD_TOO_LARGE` | an argument, or what the handler returned, is over a limit of the protocol |
 * | `ERR_PROCGUARD_PROTOCOL` | the worker sent something that is not the worker protocol |
 * | `ERR_PROCGUARD_START_FAILED` | the command could not be executed, or ended before it was ready |
 * | `ERR_PROCGUARD_WRONG_THREAD` | what only the main thread can do was asked for in a `worker_threads` Worker |
 * | `ERR_PROCGUARD_ALREADY_INSTRUMENTED` | `instrument()` was called again before the first was stopped |
 * | `ERR_PROCGUARD_START_TIMEOUT` | the worker did not say hello within `startTimeoutMs` |
 */
export class ProcguardError extends Error {
  readonly code: string;
  // Declared only: where there is none, there is no property either.
  declare readonly errno?: number;
  declare readonly syscall?: string;

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; errno?: number; syscall?: string } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'ProcguardError';
    this.code = code;
    if (options.errno !== undefined) this.errno = options.errno;
    if (options.syscall !== undefined) this.syscall = options.syscall;
  }
}

/** An option that names itself, the value it was given, and what it may be. */
export function invalidOption(option: string, value: unknown, allowed: string): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_INVALID_OPTION',
    `Invalid option \`${option}\`: ${describeValue(value)}. Allowed: ${allowed}.`,
  );
}

/** An option that there is not; `advice` is a sentence that names those that there are. */
export function unknownOption(option: string, value: unknown, advice: string): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_INVALID_OPTION',
    `Invalid option \`${option}\`: ${describeValue(value)}. There is no such option. ${advice}`,
  );
}

/** Refuses what isn't an object, and keys that aren't known: a misspelled option would be a silent default. */
export function checkKeys(option: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidOption(option, value, `an object with ${listOf(known)}`);
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const meant = nearest(key, known);
    const advice =
      meant === undefined ? `Those that there are: ${listOf(known)}.` : `Did you mean \`${meant}\`?`;
    throw unknownOption(`${option}.${key}`, (value as Record<string, unknown>)[key], advice);
  }
}

const listOf = (keys: readonly string[]) => keys.map((key) => `\`${key}\``).join(', ');

/** A value as it stands in an error's message. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

/** The name of a negative errno, as in `ENOENT`. */
export function errnoName(errno: number): string {
  // Only Node knows libuv's numbers on Windows. To import node:util touches process.stderr in Node 22, so not before there is an error.
  const { getSystemErrorName } = process.getBuiltinModule('node:util');
  try {
    return getSystemErrorName(errno);
  } catch {
    return String(errno);
  }
}
