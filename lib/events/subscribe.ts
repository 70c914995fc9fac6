import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { invalidOption } from '../errors.js';
import type { EventName, ProcguardEvents } from './events.js';
import { eventNames } from './names.js';

/**
 * `subscribe` of `node:diagnostics_channel`, with the type of the event. Returns a function that takes this back. The listener is
 * called while the event happens, so it should be quick; what it throws is an uncaught exception, and harms no pool.
 * Throws `ERR_PROCGUARD_INVALID_OPTION`.
 *
 * ```ts
 * const stop = onEvent('procguard:worker:exit', ({ pool, pid, reason }) => console.log(pool, pid, reason));
 * ```
 */
export function onEvent<Name extends EventName>(
  name: Name,
  listener: (event: ProcguardEvents[Name]) => void,
): () => void {
  if (!eventNames.includes(name)) throw invalidOption('name', name, eventNames.join(', '));
  if (typeof listener !== 'function') throw invalidOption('listener', listener, 'a function');
  const listen = (event: unknown) => listener(event as ProcguardEvents[Name]);
  subscribe(name, listen);
  return () => {
    unsubscribe(name, listen);
  };
}
