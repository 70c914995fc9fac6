import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import test from 'ava';
import { within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { Lifelines } from '../helpers/lifelines.js';
import { shells, startHost } from './hosts.js';

// A pid namespace takes privileges, and so does the choice of the next pid.
const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

for (const shell of shells) {
  for (const when of ['before', 'after']) {
    for (const isLeaderGone of [false, true]) {
      const heir = isLeaderGone ? 'group' : 'process';
      testAsRoot(
        `a ${heir} that got the pid of a worker ${when} the watchdog had started is not signaled (${shell.join(' ')})`,
        async (t) => {
          const plan = JSON.stringify({ shell, when, isLeaderGone });
          const command = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath];
          const { stdout } = await promisify(execFile)(
            'unshare',
            [...command, fixture('reuse-pid.mjs'), plan],
            {
              cwd: ROOT,
              timeout: 60_000,
            },
          );
          t.deepEqual(JSON.parse(stdout), { isReused: true, code: 0, lives: true });
        },
      );
    }
  }
}

/** Runs the script with these arguments and an empty pipe until it ends. */
async function run(...args: string[]): Promise<{ code: number; stderr: string }> {
  const script = spawn('sh', ['watchdog/watchdog.sh', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  script.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [code] = await within(once(script, 'close'), 'the script to end');
  return { code, stderr };
}

test('a process that is no child of the host is not watched unless its start time proves who it is', async (t) => {
  await using lifelines = await Lifelines.open();
  const host = await startHost(t, lifelines, { name: 'worker' });
  const [worker] = host.workers;
  const { code, stderr } = await run('--worker', `${worker!.pid}`, '--host', `${process.pid}`);
  t.is(code, 69);
  t.regex(stderr, /is no child of host/);
  t.is((await run('--worker', `${worker!.pid}:1`, '--host', `${process.pid}`)).code, 0);
  await t.notThrowsAsync(worker!.answers());
});

for (const worker of ['0', '1', '-1', '01', '', 'x', '2x', '-- -1']) {
  test(`'${worker}' is no worker`, async (t) => {
    const { code, stderr } = await run('--worker', worker, '--host', `${process.pid}`);
    t.is(code, 64, stderr);
  });
}
