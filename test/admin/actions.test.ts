import test from 'ava';
import { startPool } from '../pool/pools.js';
import { ask, bearer, fakePool, listen, post, startAdmin, token } from './admins.js';

const paths = ['restart', 'drain', 'revive', 'workers/0/stacks'].map((name) => `/api/pools/fake/${name}`);

for (const path of paths) {
  test(`${path} is off by default, also with the token`, async (t) => {
    const done: string[] = [];
    const note = (what: string) => async () => done.push(what) as never;
    const pool = fakePool({ restart: note('restart'), close: note('close'), stacks: note('stacks') });
    const admin = await startAdmin(t, pool, { token });
    const { status, text } = await post(admin, path, bearer);
    t.is(status, 403);
    t.regex(text, /Turn them on with actions: true/);
    t.deepEqual(done, []);
  });

  test(`${path} wants POST, the token, JSON, and to know who asks`, async (t) => {
    const admin = await startAdmin(t, fakePool(), { token, actions: true });
    const origin = `http://127.0.0.1:${admin.port}`;
    t.is((await ask(admin, path, { headers: bearer })).status, 405);
    t.is((await post(admin, path, { origin })).status, 401);
    t.is((await post(admin, path)).status, 403);
    t.is((await post(admin, path, { ...bearer, 'content-type': 'text/plain' })).status, 415);
  });
}

test('a restart replaces the workers, and is in the log with its end', async (t) => {
  const { pool } = startPool(t, { name: 'numbers', size: 2 });
  await pool.ready();
  const admin = await startAdmin(t, pool, { token, actions: true });
  const stream = listen(admin, '/api/stream', bearer);
  t.teardown(() => stream.close());
  await stream.find(({ event }) => event === 'snapshot', 'the state');
  const before = pool.stats().workers.map(({ pid }) => pid);
  t.is((await post(admin, '/api/pools/numbers/restart', bearer)).status, 202);
  const logged = (pattern: RegExp) =>
    stream.find(({ data }) => data.log?.some(({ text }) => pattern.test(text)) ?? false, String(pattern));
  await logged(/^Restart asked for on this page$/);
  await logged(/^Restart finished$/);
  const after = pool.stats().workers.map(({ pid }) => pid);
  t.false(before.some((pid) => after.includes(pid)));
});

test('a drain closes the pool', async (t) => {
  const { pool } = startPool(t, { name: 'numbers' });
  await pool.ready();
  const admin = await startAdmin(t, pool, { token, actions: true });
  t.is((await post(admin, '/api/pools/numbers/drain', bearer)).status, 202);
  await t.throwsAsync(pool.call('pid'), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
  t.is((await pool.close()).drained, 1);
});

test('a stack dump says where the worker is, and the worker goes on', async (t) => {
  const { pool, line } = startPool(t, { name: 'numbers' });
  const admin = await startAdmin(t, pool, { token, actions: true });
  const cancel = new AbortController();
  const blocked = pool.call('wait_for', ['/nowhere/at/all'], { signal: cancel.signal });
  await line(/waiting/);
  const { status, text } = await post(admin, '/api/pools/numbers/workers/0/stacks', bearer);
  t.is(status, 200, text);
  t.regex(JSON.parse(text).stacks, /in wait_for/);
  cancel.abort();
  await t.throwsAsync(blocked, { any: true });
  t.is(typeof (await pool.call('pid')), 'number');
});

test('a stack dump of a slot without a worker says so', async (t) => {
  const admin = await startAdmin(t, fakePool(), { token, actions: true });
  const { status, text } = await post(admin, '/api/pools/fake/workers/7/stacks', bearer);
  t.is(status, 409);
  t.regex(text, /did not say/);
});

test('a revive of a closed pool is refused with its reason', async (t) => {
  const { pool } = startPool(t, { name: 'numbers' });
  await pool.close();
  const admin = await startAdmin(t, pool, { token, actions: true });
  const { status, text } = await post(admin, '/api/pools/numbers/revive', bearer);
  t.is(status, 409);
  t.regex(text, /pool is closed/);
});

for (const [what, body, status] of [
  ['a body that is too long', JSON.stringify({ token: 'x'.repeat(9000) }), 413],
  ['a body that is no JSON', '{', 400],
  ['a body that is no object', '7', 400],
] as const) {
  test(`${what} is ${status}`, async (t) => {
    const admin = await startAdmin(t, fakePool(), { token });
    const origin = { origin: `http://127.0.0.1:${admin.port}` };
    t.is((await post(admin, '/api/login', origin, body)).status, status);
  });
}
