import { chmod, copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { KillTreeReport } from '../../lib/index.js';
import { type Guard, Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { copyPackage } from '../helpers/package-copy.js';
import { allAnswer, allGone, startTree } from '../helpers/tree.js';
import { ARM64_EMULATOR, ARM64_LIBRARIES, ARM64_NODE, builtFile, firstMissing } from './builds.js';

/*
 * Host and keeper are programs for arm64, and run in an emulator; what they start runs as it is. The emulator has no clone3,
 * refuses CLONE_PIDFD, and makes a plain fork of a vfork. So what is tried is the way of an older kernel.
 */

const addon = builtFile('arm64', 'procguard.glibc.node');
const keeper = builtFile('arm64', 'procguard-keeper');
const missing = firstMissing([addon, keeper, ARM64_EMULATOR, ARM64_LIBRARIES, ARM64_NODE]);
if (missing !== undefined)
  console.warn(`arm64 is not tried: ${missing} is missing; see npm run test:prebuilds`);
const onArm64 = missing === undefined || process.env.TEST_EVERYTHING === '1' ? test.serial : test.serial.skip;

const node = [ARM64_EMULATOR, '-L', ARM64_LIBRARIES, ARM64_NODE];
let root: string;

test.before(async () => {
  if (missing !== undefined) return;
  root = await copyPackage({ 'procguard.node': addon });
  const release = join(root, 'build/Release');
  await copyFile(keeper, join(release, 'keeper.arm64'));
  // No machine has to be told to run programs for arm64 by itself.
  const program = `#!/bin/sh\nexec ${ARM64_EMULATOR} '${release}/keeper.arm64' "$@"\n`;
  await writeFile(join(release, 'procguard-keeper'), program);
  await chmod(join(release, 'procguard-keeper'), 0o755);
});

test.after.always(async () => {
  if (root !== undefined) await rm(root, { recursive: true });
});

onArm64('on arm64: children start, end and are killed as ever', async (t) => {
  await using host = new Host({ node, root });
  const ending = await host.start(['/bin/sh', ['-c', 'exit 7'], { stdio: 'ignore' }]);
  t.deepEqual(await host.ask('exit', ending), { code: 7, signal: null });
  const killed = await host.start(['/bin/cat', [], { stdio: 'pipe' }]);
  t.true(await host.ask('kill', { ...killed, signal: 'SIGTERM' }));
  t.deepEqual(await host.ask('exit', killed), { code: null, signal: 'SIGTERM' });
  await t.throwsAsync(host.start(['/nonexistent/program']), { code: 'ENOENT' });
});

onArm64('R7.1 on arm64: a host that dies by SIGKILL takes its whole tree along', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ node, root });
  const args = lifelines.arguments('child', 'plain', 'setsid', 'double');
  const { guard } = await host.start([lifelines.program, args, { stdio: 'ignore' }]);
  const lives = await lifelines.takeAll(['child', 'plain', 'setsid', 'double']);
  await host.keeperPid();
  t.like(guard, { link: 'pdeathsig', tree: 'mark' });
  const codes = (await host.ask<Guard>('capabilities')).downgrades.map(({ code }) => code);
  t.deepEqual(codes, ['no_clone3', 'no_shared_child', 'cgroup_no_clone3']);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

onArm64('on arm64: control: with the guard off, the tree survives', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ node, root });
  const lives = await startTree(host, lifelines, { options: { guard: false } });
  await host.die('SIGKILL');
  await t.notThrowsAsync(allAnswer(lives));
});

onArm64("on arm64: a Worker's end kills nothing", async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ node, root });
  await host.ask('startWorker');
  const lives = await startTree(host, lifelines, { inWorker: true, layers: ['child'] });
  await host.ask('endWorker', { how: 'terminate' });
  await t.notThrowsAsync(allAnswer(lives));
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

onArm64('on arm64: killTree ends a tree, those that ignore SIGTERM too', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ node, root });
  const lives = await startTree(host, lifelines, { words: ['term-ignored'] });
  const request = { pid: lives[0]!.pid, options: { graceMs: 50 } };
  t.deepEqual((await host.ask<KillTreeReport>('killTree', request)).survivors, []);
  await t.notThrowsAsync(allGone(lives));
});
