import type { EventName } from './events.js';

// A record, so that none can be missing.
const all: Readonly<Record<EventName, true>> = {
  'procguard:worker:start': true,
  'procguard:worker:ready': true,
  'procguard:worker:exit': true,
  'procguard:worker:unhealthy': true,
  'procguard:worker:replace': true,
  'procguard:heartbeat:pong': true,
  'procguard:heartbeat:miss': true,
  'procguard:cleanup:done': true,
  'procguard:cleanup:failed': true,
  'procguard:request:submit': true,
  'procguard:request:start': true,
  'procguard:request:end': true,
  'procguard:keeper:start': true,
  'procguard:keeper:lost': true,
  'procguard:alert': true,
};

/** The channels of all events. */
export const eventNames = Object.keys(all) as readonly EventName[];
