import { execFile, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { until, within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { lockMachine } from '../helpers/machine-lock.js';

// A pid namespace takes privileges.
const testAsRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;

/**
 * Removes the cgroup of a host that was pid 1. The kernel ends a pid namespace with its pid 1, mostly before the keeper
 * has removed it; and a sweep doesn't judge hosts of other pid namespaces.
 */
async function removeCgroup(folder: string | undefined): Promise<void> {
  if (folder === undefined || !existsSync(folder)) return;
  const leaves = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const path of [...leaves.map(({ name }) => join(folder, name)), folder]) {
    await until(() => removed(path), `the processes in ${path} to be gone`);
  }
}

function removed(path: string): true | undefined {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code !== 'EBUSY') throw error;
    return undefined;
  }
}

test.before(() => lockMachine('sweep'));

testAsRoot('a host that is pid 1 has a keeper', async (t) => {
  const script = fixture('ready-host.mjs');
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--pid', '--fork', '--mount-proc', process.execPath, script, '{}', '["true"]'],
    { cwd: ROOT },
  );
  const { keeper, cgroup } = JSON.parse(stdout);
  t.teardown(() => removeCgroup(cgroup));
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
  const exited = once(other, 'exit');
  const ended = once(other.stdout!, 'end').then(() => 'ended');
  let cgroup: string | undefined;
  t.teardown(async () => {
    other.kill('SIGKILL');
    await within(exited, 'unshare to end');
    await removeCgroup(cgroup);
  });
  const [line] = await within(once(other.stdout!, 'data'), 'the host');
  ({ cgroup } = JSON.parse(String(line)));
  await promisify(execFile)(process.execPath, [fixture('sweep-once.mjs')], { cwd: ROOT });
  // Its child holds the other end of stdout: had it been killed, that would be seen before this answer is.
  t.is(await Promise.race([ended, promisify(execFile)('true').then(() => 'alive')]), 'alive');
});
