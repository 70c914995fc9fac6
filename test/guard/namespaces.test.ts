import { execFile, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import test from 'ava';
import { within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { lockMachine } from '../helpers/machine-lock.js';

// A pid namespace takes privileges.
const testAsRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;

test.before(() => lockMachine('sweep'));

testAsRoot('a host that is pid 1 has a keeper', async (t) => {
  const script = fixture('ready-host.mjs');
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--pid', '--fork', '--mount-proc', process.execPath, script, '{}', '["true"]'],
    { cwd: ROOT },
  );
  const { keeper } = JSON.parse(stdout);
  t.is(keeper.restarts, 0);
  t.true(['starting', 'running'].includes(keeper.state), keeper.state);
});

testAsRoot('a sweep leaves a live host in another pid namespace alone', async (t) => {
  const command = [
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    process.execPath,
    fixture('ready-host.mjs'),
  ];
  const other = nodeSpawn('unshare', command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => other.kill('SIGKILL'));
  const ended = once(other.stdout!, 'end').then(() => 'ended');
  await within(once(other.stdout!, 'data'), 'the host');
  await promisify(execFile)(process.execPath, [fixture('sweep-once.mjs')], { cwd: ROOT });
  // Its child holds the other end of stdout: had it been killed, that would be seen before this answer is.
  t.is(await Promise.race([ended, promisify(execFile)('true').then(() => 'alive')]), 'alive');
});
