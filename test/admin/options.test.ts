import test from 'ava';
import { type AdminOptions, createAdminServer } from '../../lib/admin/index.js';
import { fakePool, startAdmin, token } from './admins.js';

const pools = [fakePool()];
const refused: Record<string, [options: object, message: RegExp]> = {
  'an address that others reach, without a token': [{ host: '0.0.0.0' }, /loopback address while .* `token`/],
  'IPv6 addresses that others reach, without a token': [{ host: '::' }, /loopback address/],
  'a name that may be any address, without a token': [{ host: 'example.test' }, /loopback address/],
  'actions without a token': [{ actions: true }, /true only together with a `token`/],
  'a token that can be guessed': [
    { token: 'short' },
    /`token`: a text of 5 characters. Allowed: at least 16/,
  ],
  'a key that is misspelled': [{ minimumReady: 1 }, /There is no such option. Did you mean `minReady`/],
  'no pools': [{ pools: [] }, /an array of at least one Pool/],
  'two pools of one name': [{ pools: [fakePool(), fakePool()] }, /pools with names that differ/],
  'a port that is none': [{ port: 70_000 }, /a whole number from 0 to 65535/],
  'metrics that are none': [{ metrics: {} }, /a registry of prom-client/],
};
for (const [what, [options, message]] of Object.entries(refused)) {
  test(`refuses ${what}`, async (t) => {
    const starting = createAdminServer({ pools, ...options } as AdminOptions);
    await t.throwsAsync(starting, { code: 'ERR_PROCGUARD_INVALID_OPTION', message });
  });
}

test('an error about a token does not say what it was', async (t) => {
  const error = await t.throwsAsync(createAdminServer({ pools, token: 'hunter2' }));
  t.notRegex(error!.message, /hunter2/);
});

test('listens on loopback where nothing else is asked for', async (t) => {
  const { url, port } = await startAdmin(t, fakePool());
  t.is(url, `http://127.0.0.1:${port}/`);
});

test('listens elsewhere with a token', async (t) => {
  const { url } = await startAdmin(t, fakePool(), { host: '0.0.0.0', token });
  t.regex(url, /^http:\/\/0\.0\.0\.0:\d+\/$/);
});

test('says that a port is taken, and what to do', async (t) => {
  const { port } = await startAdmin(t, fakePool());
  await t.throwsAsync(createAdminServer({ pools, port }), {
    code: 'ERR_PROCGUARD_SYSTEM',
    message: /can't listen on 127\.0\.0\.1.*EADDRINUSE.*Give another port/,
  });
});
