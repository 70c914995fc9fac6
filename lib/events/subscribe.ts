import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { EventName, ProcguardEvents } from './events.js';

/**
 * `subscribe` of `node:diagnostics_channel`, with the type of the event. Returns a function that takes this back. The listener is
 * called while the event happens, so it should be quick; what it throws is an uncaught exception, and harms no pool.
 *
 * ```ts
 * const stop = onEvent('procguard:worker:exit', ({ pool, pid, reason }) => console.log(pool, pid, reason));
 * ```
 */
export function onEvent<Name extends EventName>(
  name: Name,
  listener: (event: ProcguardEvents[Name]) => void,
): () => void {
  const listen = (event: unknown) => listener(event as ProcguardEvents[Name]);
  subscribe(name, listen);
  return () => {
    unsubscribe(name, listen);
  };
}
