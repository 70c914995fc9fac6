import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { fixture } from '../helpers/fixtures.js';
import { workerNamed } from '../pool/pools.js';

test('a host that computes for 5 s replaces nobody, and replaces a worker that hangs afterwards', async (t) => {
  const args = [fixture('busy-host.mjs'), JSON.stringify(workerNamed('hanging_worker')), '5000'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  t.is(stderr, '');
  const said = JSON.parse(stdout);
  t.deepEqual(said.after, said.before);
  t.deepEqual(said.reasons, [null, null]);
  t.regex(said.message, /left \d+ pings in a row unanswered/);
  t.is(said.restarts, 1);
});
