import { hasSubscribers } from 'node:diagnostics_channel';
import test from 'ava';
import { Outlet } from '../../lib/events/publisher.js';
import { type EventName, onEvent } from '../../lib/index.js';
import { startPool } from '../pool/pools.js';
import { Heard } from './listen.js';

for (const group of ['worker', 'cleanup', 'request'] as const) {
  test(`R9.4 telemetry.${group}: false switches off the events of its group, and no others`, async (t) => {
    const name = `no-${group}`;
    const heard = new Heard(t, name);
    const { pool } = startPool(t, { name, telemetry: { [group]: false } });
    await pool.call('echo', [1]);
    await pool.close();
    const groups = new Set(heard.all.map((one) => one.name.split(':')[1]));
    t.false(groups.has(group));
    t.deepEqual([...groups, group].sort(), ['cleanup', 'request', 'worker']);
  });
}

test('R9.4 telemetry.heartbeat: false switches off pings', async (t) => {
  const heard = new Heard(t, 'no-heartbeat');
  const { pool } = startPool(t, {
    name: 'no-heartbeat',
    heartbeat: { intervalMs: 1000 },
    telemetry: { heartbeat: false },
  });
  await pool.ready();
  while (pool.stats().workers[0]!.pingMs === undefined)
    await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(heard.of('procguard:heartbeat:pong').length, 0);
});

test('an event that nobody listens to is not made', (t) => {
  const name: EventName = 'procguard:keeper:lost';
  t.false(hasSubscribers(name));
  const outlet = new Outlet(name, true, undefined);
  t.false(outlet.isHeard);
  outlet.tell(() => {
    throw new Error('It was made.');
  });
  t.pass();
});

test('a misspelled channel is refused, and so is a listener that is none', (t) => {
  const listen = onEvent as (name: unknown, listener: unknown) => () => void;
  t.throws(() => listen('procguard:worker:exits', () => {}), {
    code: 'ERR_PROCGUARD_INVALID_OPTION',
    message: /procguard:worker:exit,/,
  });
  t.throws(() => listen('procguard:worker:exit', undefined), { code: 'ERR_PROCGUARD_INVALID_OPTION' });
});
