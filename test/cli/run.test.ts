import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { execa } from 'execa';
import { within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { privateBytes, readProc } from '../helpers/proc.js';
import { procguard, runCommand } from './cli.js';

/** Blocked, each signal waits until it is looked for. */
const BLOCKING_PROGRAM = `
import signal as s
s.signal(s.SIGINT, s.SIG_DFL)
wanted = {s.SIGTERM, s.SIGUSR1, s.SIGHUP}
s.pthread_sigmask(s.SIG_BLOCK, wanted)
print("ready", flush=True)
while True:
    print(int(s.sigwait(wanted)), flush=True)
`;

for (const code of [0, 3, 255]) {
  test(`a command that exits with ${code} makes procguard run exit with ${code}`, async (t) => {
    const { exitCode } = await procguard(['run', '--', 'sh', '-c', `exit ${code}`]);
    t.is(exitCode, code);
  });
}

for (const signal of ['SIGTERM', 'SIGKILL', 'SIGSEGV', 'SIGINT'] as const) {
  test(`a command that dies by ${signal} makes procguard run die by ${signal}`, async (t) => {
    const { signal: found } = await procguard(['run', 'sh', '-c', `kill -s ${signal.slice(3)} $$`]);
    t.is(found, signal);
  });
}

test('a command that is not there ends with 127, and one that is no program with 126', async (t) => {
  const missing = await procguard(['run', 'no-such-command']);
  t.is(missing.exitCode, 127);
  t.is(missing.stderr, 'procguard: no-such-command: not found');
  const refused = await procguard(['run', '/etc/passwd']);
  t.is(refused.exitCode, 126);
  t.is(refused.stderr, 'procguard: /etc/passwd: Permission denied');
});

test('a signal that procguard run is sent comes to the command, once', async (t) => {
  for (const detached of [false, true]) {
    const [file, ...args] = runCommand([], ['python3', '-c', BLOCKING_PROGRAM]);
    const child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'inherit'], detached });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const next = async () => (await within(lines.next(), 'a line of the command')).value;
    t.is(await next(), 'ready');
    process.kill(child.pid!, 'SIGUSR1');
    t.is(await next(), '10');
    if (detached) {
      process.kill(-child.pid!, 'SIGTERM');
      t.is(await next(), '15');
      process.kill(child.pid!, 'SIGHUP');
      t.is(await next(), '1', 'a signal to the group came once');
    }
    child.kill('SIGINT');
    const [, signal] = await within(once(child, 'exit'), 'the command to end');
    t.is(signal, 'SIGINT');
  }
});

test('stdin, stdout and further descriptors are the very same, and arguments pass byte by byte', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'procguard-run-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'in'), 'text');
  const command = runCommand(
    [],
    ['sh', '-c', 'readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/3; cat; pwd; printf "%s" "$1"', 'sh'],
  );
  const script = '"$@" "$(printf "\\377")" < in > out 3< in';
  await execa('sh', ['-c', script, 'sh', ...command], { cwd: folder });
  const out = readFileSync(join(folder, 'out'));
  const file = join(folder, 'in');
  const expected = `${file}\n${join(folder, 'out')}\n${file}\ntext${folder}\n`;
  t.deepEqual(out, Buffer.concat([Buffer.from(expected), Buffer.from([0xff])]));
});

test('a descriptor of the same pipe as another is passed, and none of Node is', async (t) => {
  const list = ['sh', '-c', 'cd /proc/$$/fd; for fd in *; do echo "$fd $(readlink "$fd")"; done'];
  // Both ends of one pipe, as make gives its jobs; stdout twice more; one end, twice.
  const script = `
import os, subprocess, sys
read, write = os.pipe()
lost = os.pipe()
shell = 'exec 6>&$1 7>&$1; eval "exec $1>&-"; shift; exec "$@" 3>&1 4>&1'
command = ['sh', '-c', shell, 'sh', str(lost[1]), *sys.argv[1:]]
child = subprocess.Popen(command, pass_fds=(read, write, lost[1]), stdout=subprocess.PIPE, text=True)
os.close(lost[1])
print(child.communicate()[0], end='')`;
  const listed = async (command: readonly string[]) => {
    const { stdout } = await execa('python3', ['-c', script, ...command], { input: '' });
    return stdout.replace(/\[\d+\]|\d{3,}/g, '#');
  };
  const plain = await listed(list);
  t.regex(plain, /^3 pipe:#$/m);
  t.is(await listed(runCommand([], list)), plain);
});

test("Node's IPC channel is the command's own", async (t) => {
  const [file, ...args] = runCommand(
    [],
    [process.execPath, '-e', 'process.send("hello"); process.disconnect()'],
  );
  const child = spawn(file!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  const [message] = await within(once(child, 'message'), 'a message');
  t.is(message, 'hello');
  await within(exited, 'the command to end');
});

test('signals and limits are as without Node in between', async (t) => {
  const direct = ['sh', '-c', 'ulimit -n; grep -E "Sig(Blk|Ign)" /proc/self/status'];
  const plain = await execa('sh', ['-c', 'ulimit -Sn 100; "$@"; :', 'sh', ...direct]);
  const guarded = await execa('sh', ['-c', 'ulimit -Sn 100; "$@"; :', 'sh', ...runCommand([], direct)]);
  t.is(guarded.stdout, plain.stdout);
});

test('who reads the output sees its end when the command closes it', async (t) => {
  const [file, ...args] = runCommand([], ['sh', '-c', 'exec >&- 2>&-; read line']);
  const child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdout.resume();
  child.stderr.resume();
  await within(Promise.all([once(child.stdout, 'end'), once(child.stderr, 'end')]), 'both outputs to end');
  t.is(child.exitCode, null);
  child.stdin.end('\n');
  await within(once(child, 'exit'), 'the command to end');
});

test('while the command runs, no Node process stays, and what stays has less than 1 MB of its own', async (t) => {
  const [file, ...args] = runCommand([], ['sh', '-c', 'echo ready; read line']);
  const child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await within(once(child.stdout, 'data'), 'the command to start');
  const pid = child.pid!;
  t.regex(readlinkSync(`/proc/${pid}/exe`), /\/procguard-run$/);
  t.is(readProc(pid, 'cmdline'), 'procguard\0run\0--grace=0\0--\0sh\0-c\0echo ready; read line\0');
  const children = readProc(pid, `task/${pid}/children`)!.trim().split(' ').map(Number);
  t.is(children.length, 2);
  const keeper = children.find((child) => readProc(child, 'comm')?.startsWith('procguard-keepe'))!;
  t.true(privateBytes(pid) + privateBytes(keeper) < 1024 ** 2);
  child.stdin.end('\n');
  await within(once(child, 'exit'), 'the command to end');
  t.is(readProc(keeper, 'comm'), undefined, 'the keeper is gone before procguard run is');
});

test('Ctrl-C, Ctrl-Z, fg, bg and reading from the terminal are as without procguard run', async (t) => {
  const { stdout } = await execa('python3', [fixture('terminal.py'), ...runCommand([], [])], {
    timeout: 120_000,
  });
  t.is(stdout, 'interrupted stopped continued read piped');
});

test('without a keeper, procguard run says what is not guarded', async (t) => {
  const { exitCode, stderr } = await procguard(['run', 'true'], { env: { PROCGUARD_DISABLE: 'keeper' } });
  t.is(exitCode, 0);
  t.is(stderr, 'procguard: PROCGUARD_DISABLE names keeper: only the command itself is guarded');
});

test('where there is no guard, run refuses with exit code 69 and says so', async (t) => {
  const { exitCode, stdout, stderr } = await procguard(['run', 'echo', 'hi'], {
    env: { PROCGUARD_DISABLE: 'platform' },
  });
  t.is(exitCode, 69);
  t.is(stdout, '');
  t.regex(stderr, /no guard for linux yet.*ERR_PROCGUARD_PLATFORM_UNSUPPORTED/);
});

test('the environment carries the mark of procguard run, and is otherwise unchanged', async (t) => {
  const { stdout } = await procguard(['run', 'env', '-0'], { env: { ODD: 'a\nb' } });
  const own = stdout.split('\0').filter((entry) => entry.startsWith('PROCGUARD_HOST='));
  t.is(own.length, 1);
  t.true(stdout.includes('ODD=a\nb\0'));
});

test('procguard-run is procguard run without the start of Node', async (t) => {
  const bin = join(ROOT, 'bin/procguard-run');
  const run = (...args: string[]) => execa(bin, args, { reject: false, timeout: 60_000 });
  const script = 'echo "$PROCGUARD_HOST" "$1"; exit 3';
  for (const args of [['sh'], ['--', 'sh'], ['--grace', '1s', 'sh']]) {
    const { exitCode, stdout, stderr } = await run(...args, '-c', script, 'sh', 'an argument');
    t.is(stderr, '');
    t.is(exitCode, 3);
    t.regex(String(stdout), /^\d+:\d+:[^ ]+ an argument$/);
  }
  t.is((await run('no-such-command')).exitCode, 127);
  t.is((await run()).exitCode, 64);
  t.is((await run('--grase', '1s', 'sh')).exitCode, 64);
});
