import type { ExecutionContext } from 'ava';
import { type EventName, onEvent, type ProcguardEvents } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';

export const eventNames: readonly EventName[] = [
  'procguard:worker:start',
  'procguard:worker:ready',
  'procguard:worker:exit',
  'procguard:worker:unhealthy',
  'procguard:worker:replace',
  'procguard:heartbeat:pong',
  'procguard:heartbeat:miss',
  'procguard:cleanup:done',
  'procguard:cleanup:failed',
  'procguard:request:submit',
  'procguard:request:start',
  'procguard:request:end',
  'procguard:alert',
];

/** All events of the pools with this name, from now on until the test ends. */
export class Heard {
  readonly all: { name: EventName; event: ProcguardEvents[EventName] }[] = [];

  constructor(t: ExecutionContext, pool: string) {
    for (const name of eventNames) {
      const stop = onEvent(name, (event) => {
        if ('pool' in event && event.pool === pool) this.all.push({ name, event });
      });
      t.teardown(stop);
    }
  }

  of<Name extends EventName>(name: Name): ProcguardEvents[Name][] {
    return this.all.filter((one) => one.name === name).map(({ event }) => event as ProcguardEvents[Name]);
  }

  first<Name extends EventName>(
    name: Name,
    matches: (event: ProcguardEvents[Name]) => boolean = () => true,
  ): Promise<ProcguardEvents[Name]> {
    return until(() => this.of(name).find(matches), `the event ${name}`);
  }
}
