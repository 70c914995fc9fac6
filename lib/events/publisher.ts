import { type Channel, channel } from 'node:diagnostics_channel';
import type { EventGroup, EventName, ProcguardEvents } from './events.js';

/** For each group, whether its events are published. */
export type EventSwitches = Readonly<Record<EventGroup, boolean>>;

export type EventListener<Name extends EventName> = (event: ProcguardEvents[Name]) => void;

/** Who hears the events of one pool whatever is switched off, such as its log; undefined: not these. */
export type ListenerOf = <Name extends EventName>(name: Name) => EventListener<Name> | undefined;

// Node holds a channel only as long as somebody else does.
const channels = new Map<EventName, Channel>();

export function channelOf(name: EventName): Channel {
  let found = channels.get(name);
  if (found === undefined) {
    found = channel(name);
    channels.set(name, found);
  }
  return found;
}

/** Where one kind of event leaves a pool. */
export class Outlet<Name extends EventName> {
  readonly #channel: Channel;

  constructor(
    name: Name,
    private readonly isOn: boolean,
    private readonly listener: EventListener<Name> | undefined,
  ) {
    this.#channel = channelOf(name);
  }

  /** Whether it is worth making an event. */
  get isHeard(): boolean {
    return (this.isOn && this.#channel.hasSubscribers) || this.listener !== undefined;
  }

  publish(event: ProcguardEvents[Name]): void {
    if (this.isOn) this.#channel.publish(event);
    this.listener?.(event);
  }

  /** Publishes what `make` returns, which isn't called when nobody listens. */
  tell(make: () => ProcguardEvents[Name]): void {
    if (this.isHeard) this.publish(make());
  }
}

/** The outlets of one pool. */
export class Publisher {
  readonly #outlets = new Map<EventName, Outlet<EventName>>();

  constructor(
    private readonly switches: EventSwitches,
    private readonly listenerOf: ListenerOf,
  ) {}

  outlet<Name extends EventName>(name: Name): Outlet<Name> {
    let found = this.#outlets.get(name) as Outlet<Name> | undefined;
    if (found === undefined) {
      found = new Outlet(name, this.switches[groupOf(name)], this.listenerOf(name));
      this.#outlets.set(name, found as unknown as Outlet<EventName>);
    }
    return found;
  }

  tell<Name extends EventName>(name: Name, make: () => ProcguardEvents[Name]): void {
    this.outlet(name).tell(make);
  }
}

function groupOf(name: EventName): EventGroup {
  return name.split(':')[1] as EventGroup;
}
