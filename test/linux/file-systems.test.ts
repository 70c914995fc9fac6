import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { type Guard, Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { inMountNamespace, needsRoot } from '../helpers/namespaces.js';
import { copyPackage } from '../helpers/package-copy.js';
import { allAnswer, allGone, startTree } from '../helpers/tree.js';

const READ_ONLY = `awk '$2 !~ "^/(proc|dev)(/|$)" || $2 == "/dev/shm" { print $2 }' /proc/mounts | while read -r folder; do
  mount -o remount,bind,ro "$folder" || exit; done`;

/** Runs a program to its end, and returns what it prints. */
async function run(launcher: readonly string[], command: readonly string[], env = {}): Promise<string> {
  const [program, ...args] = [...launcher, ...command];
  const options = { cwd: ROOT, env: { ...process.env, ...env } };
  return (await promisify(execFile)(program as string, args, options)).stdout;
}

const readOnly = {
  launcher: inMountNamespace(READ_ONLY),
  env: { TMPDIR: '/nonexistent', HOME: '/nonexistent' },
};

needsRoot(
  'R7.1 where nothing can be written, a host that dies by SIGKILL takes its tree along',
  async (t) => {
    await using lifelines = await Lifelines.open();
    await using host = new Host(readOnly);
    const lives = await startTree(host, lifelines);
    const found = await host.ask<Guard>('capabilities');
    t.like(found, { link: 'pdeathsig', tree: 'mark' });
    const codes = found.downgrades.map(({ code }) => code);
    t.true(codes.includes('cgroup_denied') || codes.includes('cgroup_no_v2_mount'), codes.join());
    await host.keeperPid();
    await host.die('SIGKILL');
    await t.notThrowsAsync(allGone(lives));
  },
);

needsRoot('where nothing can be written: control: with the guard off, the tree survives', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host(readOnly);
  const lives = await startTree(host, lifelines, { options: { guard: false } });
  await host.die('SIGKILL');
  await t.notThrowsAsync(allAnswer(lives));
});

needsRoot('where nothing can be written, a pool and procguard run work', async (t) => {
  const worked = await run(readOnly.launcher, [process.execPath, fixture('linux/pool.mjs')], readOnly.env);
  t.deepEqual(JSON.parse(worked), { answer: 'hello', closed: 0, alive: false });
  const command = ['bin/procguard-run', 'sh', '-c', '(sleep 1000 &) ; touch /tmp/x 2>&1; exit 0'];
  t.regex(await run(readOnly.launcher, command, readOnly.env), /Read-only file system/);
});

needsRoot('a temporary folder from which nothing may be executed is not needed for that', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'procguard-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await using lifelines = await Lifelines.open();
  const launcher = inMountNamespace(`mount -t tmpfs -o noexec none '${folder}'`);
  const script = `printf '#!/bin/sh\\n' > ${folder}/x; chmod +x ${folder}/x; ${folder}/x`;
  await t.throwsAsync(run(launcher, ['sh', '-c', script]), { message: /Permission denied/ });
  await using host = new Host({ launcher, env: { TMPDIR: folder } });
  const lives = await startTree(host, lifelines);
  await host.keeperPid();
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

needsRoot('a package from which nothing may be executed says so', async (t) => {
  const folder = await copyPackage();
  t.teardown(() => rm(folder, { recursive: true }));
  const program = join(folder, 'try.mjs');
  await writeFile(
    program,
    `import { spawn } from './dist/lib/index.js';
    try { spawn('true'); } catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }`,
  );
  const launcher = inMountNamespace(
    `mount --bind '${folder}' '${folder}' && mount -o remount,bind,noexec '${folder}'`,
  );
  const { code, message } = JSON.parse(await run(launcher, [process.execPath, program]));
  t.is(code, 'ERR_PROCGUARD_ADDON_UNAVAILABLE');
  t.regex(message, /mounted with noexec: install procguard on another/);
  t.notRegex(message, /npm rebuild/);
  const doctor = run(launcher, [process.execPath, join(folder, 'bin/procguard.cjs'), 'doctor']);
  const failed = await t.throwsAsync<Error & { stdout: string }>(doctor);
  t.regex(failed?.stdout ?? '', /missing +addon.*→ Its file system is mounted with noexec/s);
});
