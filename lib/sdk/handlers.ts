import { invalidOption } from '../errors.js';

/** Gets the arguments of the call. What it returns, or its promise resolves to, is the answer. */
// biome-ignore lint/suspicious/noExplicitAny: arguments come from another program, and handlers name their types.
export type Handler = (...args: any[]) => unknown;

const handlers = new Map<string, Handler>();

/**
 * Offers a method to the pool. Call it before `serve`. A generator, sync or async, makes a stream: it is advanced as
 * far as the host has taken items. Throws `ERR_PROCGUARD_INVALID_OPTION` for a name that is taken.
 *
 * @example
 * handler('add', (a, b) => a + b)
 * handler('words', function* (text) { yield* text.split(' ') })
 */
export function handler<H extends Handler>(name: string, handle: H): H {
  if (typeof name !== 'string' || name === '' || handlers.has(name)) {
    throw invalidOption('name', name, 'a string that no other handler has');
  }
  if (typeof handle !== 'function') throw invalidOption('handle', handle, 'a function');
  handlers.set(name, handle);
  return handle;
}

export function findHandler(name: string): Handler | undefined {
  return handlers.get(name);
}

export function handlerNames(): string[] {
  return [...handlers.keys()];
}
