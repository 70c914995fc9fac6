import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ProcguardEvents } from '../events/events.js';

export type Listeners = {
  readonly [Name in keyof ProcguardEvents]?: (event: ProcguardEvents[Name]) => void;
};

/** Hears the events of all pools of this process; returns what ends that. */
export function listen(listeners: Listeners): () => void {
  const all = Object.entries(listeners) as [string, (event: unknown) => void][];
  for (const [name, listener] of all) subscribe(name, listener);
  return () => {
    for (const [name, listener] of all) unsubscribe(name, listener);
  };
}
