import { AsyncLocalStorage } from 'node:async_hooks';
import type { Trace } from '../wire/messages.js';

export interface Context {
  readonly id: number;
  readonly method: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Where the request belongs in a distributed trace, in the form that a propagator reads. Undefined when the host is not traced. */
  readonly trace: Trace | undefined;
}

const storage = new AsyncLocalStorage<Context>();

/**
 * What a handler may know of the request that it works on, also in functions that it calls and after an `await`.
 * Undefined outside of a handler.
 *
 * @example
 * handler('fetch', (url) => fetch(url, { signal: context()?.signal }).then((response) => response.text()))
 */
export function context(): Context | undefined {
  return storage.getStore();
}

export function runInContext<T>(value: Context, run: () => T): T {
  return storage.run(value, run);
}
