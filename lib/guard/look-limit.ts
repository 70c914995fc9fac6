import { ProcguardError } from '../errors.js';

/**
 * How long a look at processes may take. It takes a thread of libuv's pool, which others may have for good, and a file of /proc
 * may not be readable as long as its process waits in the kernel.
 */
export const lookLimitMs = 10_000;

/** `what` can't be done, in words. */
export function looksTooLong(what: string): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_SYSTEM',
    `${what}: that took longer than ${lookLimitMs / 1000} s. Find what keeps the threads of libuv's pool busy, such as a file system that doesn't answer, or raise UV_THREADPOOL_SIZE.`,
  );
}
