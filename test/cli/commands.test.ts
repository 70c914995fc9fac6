import test from 'ava';
import { execa } from 'execa';
import { fixture } from '../helpers/fixtures.js';
import { Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { lockMachine } from '../helpers/machine-lock.js';
import { allGone, startTree } from '../helpers/tree.js';
import { BIN, procguard } from './cli.js';

// Only one test of this machine leaves orphans at a time.
test.before(() => lockMachine('sweep'));

interface Node {
  pid: number;
  command: string;
  ageMs: number;
  rssBytes: number;
  tree: string;
  children: Node[];
}

interface HostRow {
  pid: number;
  state: string;
  keeperPid?: number;
  processes: Node[];
}

const flatten = (nodes: Node[]): Node[] => nodes.flatMap((node) => [node, ...flatten(node.children)]);

test('ps shows a host with its keeper, its trees, and what each process uses', async (t) => {
  await using host = new Host({ disable: 'cgroup' });
  await using lifelines = await Lifelines.open();
  const lives = await startTree(host, lifelines);
  const keeperPid = await host.keeperPid();
  const { exitCode, stdout, stderr } = await procguard(['ps', '--json']);
  t.is(exitCode, 0);
  t.is(stderr, '');
  const { hosts } = JSON.parse(stdout) as { hosts: HostRow[] };
  const own = hosts.find(({ pid }) => pid === host.pid)!;
  t.is(own.state, 'alive');
  t.is(own.keeperPid, keeperPid);
  const nodes = flatten(own.processes);
  t.deepEqual(nodes.map(({ pid }) => pid).sort(), lives.map(({ pid }) => pid).sort());
  for (const node of nodes)
    t.true(node.tree === 'mark' && node.rssBytes > 0 && node.command.includes('life'));
  const [child, plain] = lives;
  t.true(own.processes.find(({ pid }) => pid === child!.pid)!.children.some(({ pid }) => pid === plain!.pid));

  const text = await procguard(['ps']);
  t.regex(text.stdout, new RegExp(`^ *${host.pid} .* keeper ${keeperPid} .*host.mjs`, 'm'));
  t.regex(text.stdout, new RegExp(`^ *${plain!.pid} .* mark .*─ .*life`, 'm'));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the start of a color
  t.notRegex(text.stdout, /\x1b/);
});

test('sweep --dry-run finds what a dead host left, and sweep ends it', async (t) => {
  await using lifelines = await Lifelines.open();
  await using host = new Host({ disable: 'keeper' });
  const [child, ...orphans] = await startTree(host, lifelines);
  const pids = orphans.map(({ pid }) => pid);
  await host.die('SIGKILL');
  await child!.gone();
  const dry = await procguard(['sweep', '--dry-run', '--json']);
  t.is(dry.exitCode, 1);
  const found = JSON.parse(dry.stdout) as { dryRun: boolean; found: number[]; killed: number[] };
  t.true(found.dryRun && pids.every((pid) => found.found.includes(pid)));
  t.deepEqual(found.killed, []);
  const listed = JSON.parse((await procguard(['ps', '--json'])).stdout) as { hosts: HostRow[] };
  t.is(listed.hosts.find(({ pid }) => pid === host.pid)?.state, 'dead');
  const swept = await procguard(['sweep']);
  t.is(swept.exitCode, 0);
  t.regex(swept.stdout, /^Survivors: none$/m);
  await allGone(orphans);
});

test('looking makes no host of the one who looks', async (t) => {
  const { stdout } = await procguard(['top', '--json', '--count', '2', '--interval', '300ms']);
  const [, second] = stdout
    .split('\n')
    .map((line) => JSON.parse(line) as { hosts: (HostRow & { command: string })[] });
  t.false(second!.hosts.some(({ command }) => command.includes('--interval 300ms')));
});

test('top --json prints one object a line and ends after --count', async (t) => {
  const { exitCode, stdout } = await procguard(['top', '--json', '--count', '2', '--interval', '100ms']);
  t.is(exitCode, 0);
  const lines = stdout.split('\n').map((line) => JSON.parse(line) as { at: string; hosts: HostRow[] });
  t.is(lines.length, 2);
  for (const { at, hosts } of lines) t.true(Date.parse(at) > 0 && Array.isArray(hosts));
});

test('top on a terminal draws in color, and gives the terminal back at q, at Ctrl-C and at signals', async (t) => {
  // On a quiet machine there would be no table.
  await using host = new Host();
  await using lifelines = await Lifelines.open();
  await startTree(host, lifelines);
  const { stdout } = await execa('python3', [fixture('watch_top.py'), process.execPath, BIN, 'top'], {
    timeout: 120_000,
  });
  t.is(stdout, 'q: 0 restored; ctrl-c: 0 restored; sigterm: 0 restored; sigquit: 0 restored');
});

test('doctor says ok for each part of a full guard, and what a missing keeper means', async (t) => {
  const { exitCode, stdout, stderr } = await procguard(['doctor', '--json']);
  t.is(exitCode, 0);
  t.is(stderr, '');
  const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; message: string }[] };
  const names = ['platform', 'node', 'addon', 'kernel', 'child', 'keeper', 'cgroup', 'run'];
  t.deepEqual(
    checks.slice(0, 8).map(({ name }) => name),
    names,
  );
  t.is(checks.find(({ name }) => name === 'keeper')!.state, 'ok');

  const weak = await procguard(['doctor'], { env: { PROCGUARD_DISABLE: 'keeper' } });
  t.is(weak.exitCode, 1);
  t.regex(
    weak.stdout,
    /^missing {2}keeper .*only direct children die with the host\.\n +→ Unset PROCGUARD_DISABLE\.$/m,
  );

  const none = await procguard(['doctor'], { env: { PROCGUARD_DISABLE: 'platform' } });
  t.is(none.exitCode, 1);
  t.regex(none.stdout, /^missing {2}platform .*no guard for it yet/m);
});

test('a wrong command, option or duration ends with 64 and says what was meant, on stderr', async (t) => {
  const cases: [string[], RegExp][] = [
    [['swep'], /unknown command 'swep'\n\(Did you mean sweep\?\)/],
    [['ps', '--jsno'], /unknown option '--jsno'\n\(Did you mean --json\?\)/],
    [['run', '--grcae', '5s', 'ls'], /unknown option '--grcae'\n\(Did you mean --grace\?\)/],
    [['run', '--grace', '9x', 'ls'], /Use a duration of at most 5m, such as 500ms, 5s or 1m\./],
    [['run', '--grace', '6m', 'ls'], /Use a duration of at most 5m/],
    [['run'], /missing required argument 'command'/],
    [['top', '--count', '0'], /Use a whole number above 0\./],
    [['top', '--interval', '0'], /Use a duration from 100ms to 5m/],
    [['sweep', 'now'], /too many arguments/],
  ];
  for (const [args, message] of cases) {
    const { exitCode, stdout, stderr } = await procguard(args);
    t.is(exitCode, 64, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, message);
  }
});

test('help is on stdout and ends with 0; every command has its own', async (t) => {
  const { exitCode, stdout } = await procguard(['--help']);
  t.is(exitCode, 0);
  for (const command of ['run', 'ps', 'top', 'sweep', 'doctor', 'demo', 'bench'])
    t.regex(stdout, new RegExp(`^  ${command} `, 'm'));
  const own = await procguard(['run', '--help']);
  t.is(own.exitCode, 0);
  t.regex(own.stdout, /Usage: procguard run \[--grace <duration>\] \[--\] <command>/);
});

test('a reader that goes away is no error', async (t) => {
  const { exitCode, stderr } = await execa(
    'sh',
    ['-c', `"$0" "$1" top --count 3 --interval 100ms | head -n 1 >&2; wait`, process.execPath, BIN],
    { reject: false },
  );
  t.is(exitCode, 0);
  t.notRegex(String(stderr), /EPIPE|Error/);
});
