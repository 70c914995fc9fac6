import test from 'ava';
import { Sessions } from '../../lib/admin/sessions.js';
import { ask, bearer, fakePool, post, startAdmin, token } from './admins.js';

const closed = ['/api/state', '/api/stream', '/metrics', '/api/pools/fake/workers/0/stream'];
for (const path of closed) {
  test(`${path} is 401 without the token`, async (t) => {
    const admin = await startAdmin(t, fakePool(), { token });
    const { status, headers } = await ask(admin, path);
    t.deepEqual([status, headers['www-authenticate']], [401, 'Bearer']);
    const wrong = { authorization: `Bearer ${token.slice(0, -1)}x` };
    t.is((await ask(admin, path, { headers: wrong })).status, 401);
  });
}

test('the token in the query opens nothing', async (t) => {
  const admin = await startAdmin(t, fakePool(), { token });
  t.is((await ask(admin, `/api/state?token=${encodeURIComponent(token)}`)).status, 401);
});

test('probes and the empty page need no token', async (t) => {
  const admin = await startAdmin(t, fakePool(), { token, minReady: 0 });
  for (const path of ['/healthz', '/readyz', '/', '/page/main.js']) {
    t.is((await ask(admin, path)).status, 200, path);
  }
});

test('the token opens the state as a bearer', async (t) => {
  const admin = await startAdmin(t, fakePool(), { token });
  t.is((await ask(admin, '/api/state', { headers: bearer })).status, 200);
});

test('a login gives a cookie that no script and no other site gets, until it is taken back', async (t) => {
  const admin = await startAdmin(t, fakePool(), { token });
  const origin = { origin: `http://127.0.0.1:${admin.port}` };
  const { status, headers, text } = await post(admin, '/api/login', origin, JSON.stringify({ token }));
  t.is(status, 200);
  const [set] = headers['set-cookie']!;
  t.regex(set!, /^procguard_session_\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/);
  t.false((set! + text).includes(token));
  const cookie = { cookie: set!.split(';')[0]! };
  t.is((await ask(admin, '/api/state', { headers: cookie })).status, 200);
  t.is((await post(admin, '/api/logout', { ...origin, ...cookie })).status, 200);
  t.is((await ask(admin, '/api/state', { headers: cookie })).status, 401);
});

test('a login to a server leaves that to another one of the same host alone', async (t) => {
  const jar = new Map<string, string>();
  const admins = [await startAdmin(t, fakePool(), { token }), await startAdmin(t, fakePool(), { token })];
  for (const admin of admins) {
    const origin = { origin: `http://127.0.0.1:${admin.port}` };
    const { headers } = await post(admin, '/api/login', origin, JSON.stringify({ token }));
    const [name, value] = headers['set-cookie']![0]!.split(';')[0]!.split('=');
    jar.set(name!, value!);
  }
  const cookie = [...jar].map((pair) => pair.join('=')).join('; ');
  for (const admin of admins) t.is((await ask(admin, '/api/state', { headers: { cookie } })).status, 200);
});

test('the cookie is for https only where the page came by https', async (t) => {
  const admin = await startAdmin(t, fakePool(), { token, allowedHosts: ['ops.example.com'] });
  const headers = { host: 'ops.example.com', origin: 'https://ops.example.com' };
  const answer = await post(admin, '/api/login', headers, JSON.stringify({ token }));
  t.regex(answer.headers['set-cookie']![0]!, /; Secure$/);
});

for (const wrong of ['', `${token} `, token.slice(1), 7, null]) {
  test(`a login with ${JSON.stringify(wrong)} gives nothing`, async (t) => {
    const admin = await startAdmin(t, fakePool(), { token });
    const origin = { origin: `http://127.0.0.1:${admin.port}` };
    const { status, headers } = await post(admin, '/api/login', origin, JSON.stringify({ token: wrong }));
    t.deepEqual([status, headers['set-cookie']], [401, undefined]);
  });
}

test('sessions expire after twelve hours, and the oldest make room', (t) => {
  let nowMs = 0;
  const sessions = new Sessions(9736, () => nowMs);
  const open = () => sessions.open(false).split(';')[0]!;
  const first = open();
  nowMs = 12 * 3_600_000 - 1;
  t.true(sessions.has(first));
  t.true(sessions.has(`other=1; ${first}`));
  nowMs++;
  t.false(sessions.has(first));
  const second = open();
  for (let opened = 0; opened < 100; opened++) open();
  t.false(sessions.has(second));
  t.true(sessions.has(open()));
});

for (const host of ['evil.example', 'evil.example:80', 'localhost.evil.example', '127.0.0.1.evil.example']) {
  test(`the host ${JSON.stringify(host)} is refused, which may have our address by DNS rebinding`, async (t) => {
    const admin = await startAdmin(t, fakePool());
    for (const path of ['/', '/api/state', '/page/main.js', '/api/session']) {
      t.is((await ask(admin, path, { headers: { host } })).status, 403, path);
    }
  });
}

for (const host of [
  'localhost',
  'LOCALHOST:80',
  '127.0.0.1:1',
  '[::1]:8080',
  '10.1.2.3',
  'ops.example.com:1',
]) {
  test(`the host ${host} is known`, async (t) => {
    const admin = await startAdmin(t, fakePool(), { allowedHosts: ['Ops.example.com'] });
    t.is((await ask(admin, '/api/state', { headers: { host } })).status, 200);
  });
}

for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1', 'http://127.0.0.1:1']) {
  test(`a request of ${origin} is refused`, async (t) => {
    const admin = await startAdmin(t, fakePool(), { token, actions: true });
    for (const path of ['/api/state', '/api/stream']) {
      t.is((await ask(admin, path, { headers: { ...bearer, origin } })).status, 403, path);
    }
    t.is((await post(admin, '/api/pools/fake/restart', { ...bearer, origin })).status, 403);
  });
}

test('what another site sends without saying so is refused, and a link to the page is not', async (t) => {
  const admin = await startAdmin(t, fakePool());
  const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' };
  t.is((await ask(admin, '/api/state', { headers })).status, 403);
  t.is((await ask(admin, '/', { headers: { ...headers, 'sec-fetch-mode': 'navigate' } })).status, 200);
});

test('every answer forbids inline scripts, frames and guessing of types', async (t) => {
  const admin = await startAdmin(t, fakePool());
  for (const path of ['/', '/page/main.js', '/healthz', '/api/state', '/nothing']) {
    const { headers } = await ask(admin, path);
    const policy = String(headers['content-security-policy']);
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "require-trusted-types-for 'script'",
    ]) {
      t.true(policy.includes(rule), `${path}: ${rule}`);
    }
    t.notRegex(policy, /unsafe|\*|https?:/);
    t.is(headers['x-content-type-options'], 'nosniff');
    t.is(headers['referrer-policy'], 'no-referrer');
  }
});
