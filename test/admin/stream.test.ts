import { execFile } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { promisify } from 'node:util';
import test from 'ava';
import { EventStream } from '../../lib/admin/stream.js';
import type { ProcguardEvents } from '../../lib/events/events.js';
import { until, within } from '../helpers/deadline.js';
import { fixture as program, ROOT } from '../helpers/fixtures.js';
import { LINK } from '../helpers/host.js';
import { plainWorker, startPool } from '../pool/pools.js';
import { bearer, fakePool, listen, post, type StreamEvent, startAdmin, token } from './admins.js';

const snapshot = ({ event }: { event: string }) => event === 'snapshot';
const rowsOf = ({ data }: StreamEvent) => data.workers ?? [];

test.serial('sends the state first, and then only what has changed', async (t) => {
  const { pool } = startPool(t, { size: 3 });
  await pool.ready();
  const admin = await startAdmin(t, pool);
  const stream = listen(admin, '/api/stream');
  t.teardown(() => stream.close());
  const { data } = await stream.find(snapshot, 'the state');
  t.deepEqual(
    data.workers!.map(({ verdict }) => verdict),
    ['idle', 'idle', 'idle'],
  );
  await pool.call('pid', [], { affinity: 'one' });
  const served = await stream.find(
    (event) => event.event === 'delta' && rowsOf(event).some(({ requests }) => requests === 1),
    'the request to be counted',
  );
  const changed = rowsOf(served).filter(({ requests }) => requests !== undefined);
  t.is(changed.length, 1);
  t.false('pid' in changed[0]!);
});

test.serial('tells the death of a worker within two seconds, with how it ended', async (t) => {
  const { pool } = startPool(t, { size: 3 });
  await pool.ready();
  const admin = await startAdmin(t, pool);
  const stream = listen(admin, '/api/stream');
  t.teardown(() => stream.close());
  await stream.find(snapshot, 'the state');
  const { pid } = pool.stats().workers[1]!;
  const killedMs = performance.now();
  process.kill(pid!, 'SIGKILL');
  const told = await stream.find((event) => rowsOf(event).some(({ endedBadly }) => endedBadly), 'its end');
  t.true(performance.now() - killedMs < 2000);
  t.like(rowsOf(told).find(({ endedBadly }) => endedBadly)!, {
    key: '0/1',
    endedPid: pid,
    endedHow: 'SIGKILL',
  });
  const entry = stream.events
    .flatMap(({ data }) => data.log ?? [])
    .find(({ kind }) => kind === 'worker exit');
  t.like(entry, { level: 'critical', slot: 1 });
});

test.serial(
  'a worker that is replaced since it does not answer ended badly, and there is an alert',
  async (t) => {
    const { pool } = startPool(t, { heartbeat: { intervalMs: 1000 } });
    await pool.ready();
    const admin = await startAdmin(t, pool);
    const stream = listen(admin, '/api/stream');
    t.teardown(() => stream.close());
    await stream.find(snapshot, 'the state');
    process.kill(pool.stats().workers[0]!.pid!, 'SIGSTOP');
    const told = await stream.find((event) => rowsOf(event).some(({ endedBadly }) => endedBadly), 'its end');
    // Not SIGKILL, which is what the pool did about it.
    t.is(rowsOf(told)[0]!.endedHow, 'silent');
    const alerted = await stream.find(({ data }) => (data.alerts?.length ?? 0) > 0, 'the alert');
    t.is(alerted.data.alerts![0]!.code, 'worker_unresponsive');
  },
);

test.serial('a worker that leaves as it was told to did not end badly', async (t) => {
  const { pool } = startPool(t, { size: 1 });
  await pool.ready();
  const admin = await startAdmin(t, pool);
  const stream = listen(admin, '/api/stream');
  t.teardown(() => stream.close());
  await stream.find(snapshot, 'the state');
  await pool.restart();
  const told = await stream.find((event) => rowsOf(event).some(({ endedHow }) => endedHow), 'its end');
  t.false(rowsOf(told).some(({ endedBadly }) => endedBadly));
});

test.serial('tells the events of its own pools, in words, and the latencies of their requests', async (t) => {
  const { pool } = startPool(t, { name: 'numbers' });
  await pool.ready();
  const admin = await startAdmin(t, pool);
  const stream = listen(admin, '/api/stream');
  t.teardown(() => stream.close());
  await stream.find(snapshot, 'the state');
  const publish = <Name extends keyof ProcguardEvents>(name: Name, event: Partial<ProcguardEvents[Name]>) =>
    channel(name).publish({ at: new Date(), slot: 0, worker: 1, pid: 7, ...event });
  publish('procguard:worker:ready', { pool: 'strangers', startMs: 5 });
  publish('procguard:worker:ready', { pool: 'numbers', startMs: 1234 });
  for (const runMs of [10, 20, 300]) {
    publish('procguard:request:end', { pool: 'numbers', runMs, outcome: 'succeeded' });
  }
  const told = await stream.find(({ data }) => (data.log?.length ?? 0) > 0, 'the event');
  const texts = told.data.log!.filter(({ kind }) => kind === 'worker ready').map(({ text }) => text);
  t.deepEqual(texts, ['Ready after 1.23 s']);
  const counted = await stream.find(({ data }) => (data.pools?.[0]?.p50Ms ?? 0) > 0, 'the latencies');
  t.like(counted.data.pools![0], { p50Ms: 20, p95Ms: 300 });
});

test.serial('tells alerts with what to do: those from before, and those that come', async (t) => {
  const { pool } = startPool(t, { maxQueue: 1, name: 'numbers' });
  await pool.ready();
  const fill = async () => {
    const calls = Array.from({ length: 3 }, () => pool.call('echo', [1]));
    t.true((await Promise.allSettled(calls)).some(({ status }) => status === 'rejected'));
  };
  const admin = await startAdmin(t, pool);
  const early = listen(admin, '/api/stream');
  t.teardown(() => early.close());
  await early.find(snapshot, 'the state');
  await fill();
  const expected = { code: 'queue_full', severity: 'critical', pool: 'numbers', slot: null } as const;
  const told = await early.find(
    ({ data }) => data.alerts !== undefined && data.alerts.length > 0,
    'the alert',
  );
  t.like(told.data.alerts![0], expected);
  t.regex(told.data.alerts![0]!.advice, /pool\.resize\(\)/);
  const late = listen(admin, '/api/stream');
  t.teardown(() => late.close());
  t.like((await late.find(snapshot, 'the state')).data.alerts![0], expected);
});

test.serial('listens to no channel and samples nothing while nobody looks', async (t) => {
  const { pool } = startPool(t);
  await pool.ready();
  // The metrics count events all the time.
  const admin = await startAdmin(t, pool, { metrics: false });
  const channels = ['procguard:worker:exit', 'procguard:request:end'].map((name) => channel(name));
  const count = () => channels.filter(({ hasSubscribers }) => hasSubscribers).length;
  t.is(count(), 0);
  const stream = listen(admin, '/api/stream');
  await stream.find(snapshot, 'the state');
  t.is(count(), 2);
  stream.close();
  await until(() => (count() === 0 ? true : undefined), 'the channels to be left');
});

test.serial('looks into a worker: its processes, its requests, its guard and its stderr', async (t) => {
  const { pool, line } = startPool(t);
  const child = await pool.call<number>('leave_child');
  const cancel = new AbortController();
  const waiting = pool.call('wait_for', ['/nowhere/at/all'], { signal: cancel.signal });
  await line(/waiting/);
  const admin = await startAdmin(t, pool);
  const stream = listen(admin, '/api/pools/default/workers/0/stream');
  t.teardown(() => stream.close());
  const { data } = await stream.find(({ event }) => event === 'detail', 'the worker');
  t.is(data.processes![0]!.pid, pool.stats().workers[0]!.pid!);
  t.regex(data.processes![0]!.command, /worker\.py/);
  t.true(data.processes!.every(({ rssBytes }) => rssBytes! > 500_000));
  t.like(data.processes![1], { pid: child, depth: 1, command: 'sleep 60', isDetached: true });
  t.is(data.requests![0]!.method, 'wait_for');
  t.is(data.guard!.link, LINK);
  t.deepEqual(data.stderr, ['waiting']);
  t.true(data.handlers!.includes('echo'));
  cancel.abort();
  await t.throwsAsync(waiting, { any: true });
});

test('a client that does not read is dropped, and what waits for it stays bounded', async (t) => {
  const limitBytes = 256 * 1024;
  let stream: EventStream | undefined;
  let waiting = () => 0;
  let closed = false;
  const server = createServer((_, response) => {
    waiting = () => response.writableLength;
    stream = new EventStream(
      response,
      () => true,
      () => (closed = true),
      limitBytes,
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  t.teardown(() => {
    socket.destroy();
    server.close();
  });
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => stream, 'the stream');
  const data = JSON.stringify('x'.repeat(10_000));
  let most = 0;
  await until(() => {
    for (let sent = 0; sent < 100; sent++) stream!.send('delta', data);
    most = Math.max(most, waiting());
    return closed || undefined;
  }, 'the client to be dropped');
  t.true(most < limitBytes + 20_000, `${most} bytes waited`);
});

test('a client too many is refused, and may come back', async (t) => {
  const admin = await startAdmin(t, fakePool());
  const streams = Array.from({ length: 64 }, () => listen(admin, '/api/stream'));
  t.teardown(() => {
    for (const stream of streams) stream.close();
  });
  await Promise.all(streams.map((stream) => stream.find(snapshot, 'the state')));
  const refused = listen(admin, '/api/stream');
  const { statusCode, headers } = await refused.response;
  t.deepEqual([statusCode, headers['retry-after']], [503, '5']);
  streams.pop()!.close();
  await until(async () => {
    const next = listen(admin, '/api/stream');
    streams.push(next);
    return (await next.response).statusCode === 200 || undefined;
  }, 'a place');
});

test.serial(
  'a stream whose turn on its connection never came is forgotten with the connection',
  async (t) => {
    const admin = await startAdmin(t, fakePool(), { metrics: false });
    const open = listen(admin, '/api/stream');
    t.teardown(() => open.close());
    await open.find(snapshot, 'the state');
    const isHeard = () => channel('procguard:worker:exit').hasSubscribers;
    t.true(isHeard());
    const socket = connect(admin.port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    const asked = ['/api/stream', '/api/stream', '/api/pools/fake/workers/0/stream'];
    socket.write(asked.map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
    await within(once(socket, 'data'), 'the first of them');
    socket.destroy();
    open.close();
    await until(() => (isHeard() ? undefined : true), 'the channels to be left');
  },
);

test.serial('a stream ends with the session that opened it', async (t) => {
  const admin = await startAdmin(t, fakePool(), { token });
  const origin = { origin: `http://127.0.0.1:${admin.port}` };
  const { headers } = await post(admin, '/api/login', origin, JSON.stringify({ token }));
  const cookie = { cookie: headers['set-cookie']![0]!.split(';')[0]! };
  const streams = ['/api/stream', '/api/pools/fake/workers/0/stream'].map((path) =>
    listen(admin, path, cookie),
  );
  const other = listen(admin, '/api/stream', bearer);
  t.teardown(() => other.close());
  for (const { response } of [...streams, other]) t.is((await response).statusCode, 200);
  await post(admin, '/api/logout', { ...origin, ...cookie });
  for (const stream of streams) await within(stream.ended, 'the end of the stream');
  const { length } = other.events;
  await until(() => other.events.length > length || undefined, 'another stream to go on');
});

test('close() ends the pages that are open, and nothing holds the program any longer', async (t) => {
  const args = [program('admin-host.mjs'), JSON.stringify(plainWorker)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  t.deepEqual([stdout, stderr], ['closed\n', '']);
});
