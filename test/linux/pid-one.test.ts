import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { KillTreeReport } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { ROOT } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { needsRoot } from '../helpers/namespaces.js';
import { allAnswer, allGone, startTree } from '../helpers/tree.js';

/** As in a container: the program is pid 1 of a pid namespace with a /proc of its own. */
const CONTAINER = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
// The namespace, and the keeper with it, ends before the cgroup can be removed.
const options = { launcher: CONTAINER, disable: 'cgroup' };

for (const how of ['SIGKILL', 'abort', 'exit', 'throw']) {
  needsRoot(`R7.1 a host that is pid 1 and dies by ${how} takes its whole tree along`, async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host(options);
    const lives = await startTree(host, lifelines);
    t.is(lives[0]?.ppid, 1);
    await host.die(how);
    await t.notThrowsAsync(allGone(lives));
  });
}

needsRoot('a host that is pid 1: a Worker that ends takes no child along', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host(options);
  await host.ask('startWorker');
  const lives = await startTree(host, lifelines, { inWorker: true });
  await host.ask('endWorker', { how: 'terminate' });
  await t.notThrowsAsync(allAnswer(lives));
});

needsRoot('a host that is pid 1 tells its orphans, which it inherits, from its other children', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host(options);
  const lives = await startTree(host, lifelines);
  const [other] = await startTree(host, lifelines, { layers: ['child'] });
  const [child, ...descendants] = lives;
  const exited = host.ask('exit', { pid: child!.pid });
  child!.exit(7);
  // Pid 1 is the parent of all of them now.
  t.deepEqual(await exited, { code: 7, signal: null });
  const request = { pid: child!.pid, options: { signal: 'SIGKILL' } };
  const { killed, survivors } = await host.ask<KillTreeReport>('killTree', request);
  t.deepEqual(killed.toSorted(), descendants.map(({ pid }) => pid).toSorted());
  t.deepEqual(survivors, []);
  await t.notThrowsAsync(allGone(descendants));
  await t.notThrowsAsync(other!.answers());
});

const run = promisify(execFile);

needsRoot('procguard run as pid 1 reaps what is orphaned in its container', async (t) => {
  // Each `true` is orphaned by its subshell.
  const script = `for i in 1 2 3 4 5; do (true &); done
    for look in $(seq 1000); do
      grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null || { echo none; exit 0; }
      sleep 0.01
    done`;
  const [unshare, ...args] = [...CONTAINER, 'bin/procguard-run', 'sh', '-c', script];
  const { stdout } = await within(run(unshare as string, args, { cwd: ROOT }), 'the container');
  t.is(stdout, 'none\n');
});

needsRoot('procguard run as pid 1 ends with 128 and the signal, since no signal can end it', async (t) => {
  const [unshare, ...args] = [...CONTAINER, 'bin/procguard-run', 'sh', '-c', 'kill -KILL $$'];
  const ended = within(run(unshare as string, args, { cwd: ROOT }), 'the container');
  t.is((await t.throwsAsync<Error & { code: number }>(ended))?.code, 128 + 9);
});
