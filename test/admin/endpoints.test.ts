import { once } from 'node:events';
import test from 'ava';
import { until, within } from '../helpers/deadline.js';
import { startPool } from '../pool/pools.js';
import { ask, fakePool, startAdmin } from './admins.js';

test('/healthz says that the program lives', async (t) => {
  const { status, text } = await ask(await startAdmin(t, fakePool()), '/healthz');
  t.deepEqual([status, text], [200, 'ok\n']);
});

test('/readyz is 503 while the pool starts, 200 when it is ready, and 503 when it drains', async (t) => {
  const { pool } = startPool(t, { size: 2 });
  const admin = await startAdmin(t, pool, { minReady: 2, metrics: false });
  const starting = await ask(admin, '/readyz');
  t.is(starting.status, 503);
  t.regex(starting.text, /default: [01] of 2 workers ready, and minReady is 2/);
  await pool.ready();
  t.deepEqual((await ask(admin, '/readyz')).status, 200);
  const waiting = pool.call('mostly_quick', [0.5]);
  const closed = pool.close();
  const draining = await ask(admin, '/readyz');
  t.deepEqual([draining.status, draining.text], [503, 'not ready\ndefault: draining\n']);
  await Promise.all([waiting, closed]);
  t.regex((await ask(admin, '/readyz')).text, /default: closed/);
});

test('/readyz is 503 when there are fewer ready workers than minReady', async (t) => {
  const { pool } = startPool(t, { size: 1 });
  await pool.ready();
  const admin = await startAdmin(t, pool, { minReady: 3 });
  t.is((await ask(admin, '/readyz')).status, 503);
  pool.resize(3);
  await pool.ready();
  t.is((await ask(admin, '/readyz')).status, 200);
});

test('/metrics gives what a registry gives', async (t) => {
  const metrics = { contentType: 'text/plain; version=0.0.4', metrics: async () => 'up 1\n' };
  const { status, headers, text } = await ask(await startAdmin(t, fakePool(), { metrics }), '/metrics');
  t.deepEqual([status, headers['content-type'], text], [200, metrics.contentType, 'up 1\n']);
});

test('/metrics gives those of the pools where there is no other registry', async (t) => {
  const { status, headers, text } = await ask(await startAdmin(t, fakePool()), '/metrics');
  t.is(status, 200);
  t.regex(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  t.regex(text, /^procguard_workers\{pool="fake",state="idle"\} \d+$/m);
});

test('/metrics says that there are none when they are switched off', async (t) => {
  const { status, text } = await ask(await startAdmin(t, fakePool(), { metrics: false }), '/metrics');
  t.is(status, 404);
  t.regex(text, /the option metrics is false/);
});

test('/api/state tells the pool, its workers and their guard', async (t) => {
  const { pool } = startPool(t, { name: 'numbers', size: 2 });
  await pool.ready();
  const admin = await startAdmin(t, pool);
  const state = await until(async () => {
    const found = JSON.parse((await ask(admin, '/api/state')).text);
    return found.workers[1].rssBytes === null ? undefined : found;
  }, 'a sample of the workers');
  t.like(state.pools[0], { name: 'numbers', stage: 'open', size: 2, ready: 2 });
  const [first] = pool.stats().workers;
  t.like(state.workers[0], { key: '0/0', slot: 0, pid: first!.pid, verdict: 'idle', restarts: 0 });
  t.true(state.workers[0].rssBytes > 1e6);
  t.is(state.workers[0].processes, 1);
  t.true(['full', 'partial'].includes(state.workers[0].guardLevel));
});

for (const [path, type] of [
  ['/', 'text/html; charset=utf-8'],
  ['/page/main.js', 'text/javascript; charset=utf-8'],
  ['/page/style.css', 'text/css; charset=utf-8'],
  ['/page/icon.svg', 'image/svg+xml'],
  ['/page/vendor/uplot.js', 'text/javascript; charset=utf-8'],
  ['/page/vendor/uplot.css', 'text/css; charset=utf-8'],
] as const) {
  test(`${path} is served from the package, and once while it stays the same`, async (t) => {
    const admin = await startAdmin(t, fakePool());
    const { status, headers } = await ask(admin, path);
    t.deepEqual([status, headers['content-type']], [200, type]);
    const again = await ask(admin, path, { headers: { 'if-none-match': headers.etag } });
    t.deepEqual([again.status, again.text], [304, '']);
  });
}

for (const path of [
  '/nothing',
  '/page/../../package.json',
  '/page/%2e%2e/server.js',
  '/page/tsconfig.json',
  '/page/absent.js',
  '/api/pools/absent/workers/0/stream',
]) {
  test(`${path} is 404`, async (t) => {
    t.is((await ask(await startAdmin(t, fakePool()), path)).status, 404);
  });
}

test('a method that a path does not have is 405, with the one that it has', async (t) => {
  const admin = await startAdmin(t, fakePool());
  const { status, headers } = await ask(admin, '/readyz', { method: 'DELETE' });
  t.deepEqual([status, headers.allow], [405, 'GET']);
});

test.serial(
  'an error inside is a warning of the program, and says nothing of itself to the client',
  async (t) => {
    const warned = once(process, 'warning');
    const metrics = { contentType: 'text/plain', metrics: () => Promise.reject(new Error('secret path')) };
    const { status, text } = await ask(await startAdmin(t, fakePool(), { metrics }), '/metrics');
    t.deepEqual([status, text], [500, 'Something went wrong.\n']);
    const [warning] = await within(warned, 'the warning');
    t.is(warning.code, 'PROCGUARD_ADMIN_ANSWER');
    t.regex(warning.message, /GET \/metrics: secret path/);
  },
);
