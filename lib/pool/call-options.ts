import { checkKeys, invalidOption } from '../errors.js';
import { wholeNumber } from './options.js';
import type { TaskPolicy } from './task.js';

export interface StreamOptions {
  /** Milliseconds until the answer, or the end of the stream, waiting included; 1 to 2147483647. The default is no limit. */
  timeoutMs?: number | undefined;
  /** Cancels the request; its promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Requests with the same key go to the same worker while it lives, and wait for it. */
  affinity?: string | undefined;
  /** -1000 to 1000; the higher goes first. The default is 0. */
  priority?: number | undefined;
}

export interface CallOptions extends StreamOptions {
  /** How often the call is given to another worker when one died with it; 0 (the default) to 100. Needs `idempotent: true`. */
  retries?: number | undefined;
  /** The caller's word that the call may run twice. */
  idempotent?: boolean | undefined;
}

const maxTimeoutMs = 2 ** 31 - 1;
export const streamOptionKeys: readonly string[] = ['timeoutMs', 'signal', 'affinity', 'priority'];
export const callOptionKeys: readonly string[] = [...streamOptionKeys, 'retries', 'idempotent'];

const defaultPolicy: TaskPolicy = Object.freeze({
  priority: 0,
  affinity: undefined,
  timeoutMs: undefined,
  signal: undefined,
  retries: 0,
});

/** Checks what a request was called with; `known` are the options that it may have. Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function checkPolicy(
  method: unknown,
  args: unknown,
  options: CallOptions | undefined,
  known: readonly string[],
): TaskPolicy {
  if (typeof method !== 'string' || method === '')
    throw invalidOption('method', method, 'the name of a handler');
  if (!Array.isArray(args)) throw invalidOption('args', args, 'a list of arguments');
  if (options === undefined) return defaultPolicy;
  checkKeys('options', options, known);
  const { timeoutMs, signal, affinity, priority, retries, idempotent = false } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidOption('signal', signal, 'an AbortSignal');
  if (affinity !== undefined && typeof affinity !== 'string')
    throw invalidOption('affinity', affinity, 'a string');
  if (typeof idempotent !== 'boolean') throw invalidOption('idempotent', idempotent, 'true, false');
  const tries = wholeNumber('retries', retries, 0, 100, 0);
  if (tries > 0 && !idempotent)
    throw invalidOption(
      'retries',
      retries,
      '0, or with `idempotent: true`, since the call may then run twice',
    );
  return {
    priority: wholeNumber('priority', priority, -1000, 1000, 0),
    affinity,
    timeoutMs: timeoutMs === undefined ? undefined : wholeNumber('timeoutMs', timeoutMs, 1, maxTimeoutMs, 0),
    signal,
    retries: tries,
  };
}
