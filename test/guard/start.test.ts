import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { DEADLINE_MS } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { type Guard, Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { canBecomeNobody, NOBODY } from '../helpers/privilege.js';
import { allGone, startTree } from '../helpers/tree.js';

// A guard that can't be started when it is first asked for.
const isLinux = process.platform === 'linux';
const onLinux = isLinux ? test.serial : test.serial.skip;
const asRoot = isLinux && canBecomeNobody ? test.serial : test.serial.skip;

/** Runs a program of Node's, and parses what it prints. */
async function runNode(command: string, ...args: string[]) {
  const options = { cwd: ROOT, timeout: DEADLINE_MS * 2, killSignal: 'SIGKILL' } as const;
  const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, ...args], options);
  return JSON.parse(stdout);
}

for (const left of [0, 1, 2, 3, 4, 6, 8]) {
  test.serial(`a guard that is asked for with ${left} descriptors left is started later`, async (t) => {
    const result = await runNode(
      'ulimit -n 100; exec "$0" "$@"',
      fixture('scarce-descriptors.mjs'),
      `${left}`,
    );
    t.like(result, { after: 'running', isReaped: true });
    if (left === 0) t.is(result.scarce, 'failed');
  });
}

asRoot('a guard for which no thread may be started is started later', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host(NOBODY);
  const prlimit = (...args: string[]) =>
    execFileSync('prlimit', [`--pid=${host.pid}`, ...args], { ...NOBODY, encoding: 'utf8' }).trim();
  // Node itself needs threads to start.
  await host.ask('unref');
  const allowed = prlimit('--nproc', '--noheadings', '--raw', '--output=SOFT');
  prlimit('--nproc=1:');
  t.like(await host.ask('capabilities'), { tree: 'none', keeper: { state: 'failed' } });
  prlimit(`--nproc=${allowed}:`);
  await host.keeperPid();
  const lives = await startTree(host, lifelines);
  await host.die('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
});

onLinux('registry_missing: a child that was started before the guard could be', async (t) => {
  const { before, early, late } = await runNode('exec "$0" "$@"', fixture('early-child.mjs'));
  const codesOf = ({ downgrades }: Guard) => downgrades.map(({ code }) => code);
  t.is(before, 'failed');
  t.true(codesOf(early).includes('registry_missing'), codesOf(early).join());
  t.false(codesOf(early).includes('registry_full'));
  t.false(
    codesOf(late).some((code) => code.startsWith('registry_')),
    codesOf(late).join(),
  );
});
