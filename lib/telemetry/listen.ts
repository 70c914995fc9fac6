import type { EventName, ProcguardEvents } from '../events/events.js';
import { onEvent } from '../events/subscribe.js';

export type Listeners = {
  readonly [Name in EventName]?: (event: ProcguardEvents[Name]) => void;
};

/** Hears the events of all pools of this process; returns what ends that. */
export function listen(listeners: Listeners): () => void {
  const entries = Object.entries(listeners) as [EventName, (event: unknown) => void][];
  const takeBacks = entries.map(([name, listener]) => onEvent(name, listener));
  return () => {
    for (const takeBack of takeBacks) takeBack();
  };
}
