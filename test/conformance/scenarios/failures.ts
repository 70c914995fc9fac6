import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync as readNames,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { closed } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

const nobody = 65534;

export const subject: Subject = {
  'ENOENT: a missing program': async (context) => {
    await fail(context, 'procguard-no-such-program', ['a', 'b']);
    await fail(context, '/no/such/program', ['a']);
    await fail(context, './no-such-program', []);
    await fail(context, '/etc/passwd/below-a-file', []);
  },

  'ENOENT: the state at each moment': async ({ cp, log }) => {
    const child = cp.spawn('/no/such/program', ['x']);
    const state = () => {
      const { pid, exitCode, signalCode, killed, spawnfile, spawnargs, stdin, stdout } = child;
      const handle = (child as unknown as { _handle: unknown })._handle === null;
      return [
        pid,
        exitCode,
        signalCode,
        killed,
        spawnfile,
        spawnargs,
        stdin.destroyed,
        stdout.destroyed,
        handle,
      ];
    };
    log('returned', ...state());
    process.nextTick(() => log('tick'));
    queueMicrotask(() => log('microtask'));
    child.on('spawn', () => log('spawn'));
    child.on('exit', () => log('exit'));
    child.on('error', (error) => log('error', error, ...state()));
    child.on('close', (...values) => log('close', ...values, ...state()));
    await closed(child);
    await turn();
    log('later', ...state(), child.kill(), child.kill(0), child.killed);
  },

  'ENOENT: without streams error and close come in the next tick': async ({ cp, log }) => {
    const child = cp.spawn('/no/such/program', { stdio: 'ignore' });
    child.on('error', (error) => log('error', error));
    child.on('close', (...values) => log('close', ...values));
    process.nextTick(() => log('tick'));
    await turn();
    log('turn');
    await turn();
  },

  'ENOENT: writing to the stdin of a child that never was': async ({ cp, follow, log }) => {
    const child = cp.spawn('/no/such/program');
    const ended = follow(child);
    log('write', child.stdin.write('hello'));
    child.stdin.end();
    await ended;
  },

  // No kill() here: Node's handle has no pid yet then, so its kill(2) gets 0 and signals the host's whole group.
  'ENOENT: ref and unref before the error is told': async ({ cp, follow, attempt }) => {
    const child = cp.spawn('/no/such/program');
    attempt('unref', () => child.unref());
    attempt('ref', () => child.ref());
    await follow(child);
    attempt('kill later', () => child.kill());
    attempt('unref later', () => child.unref());
  },

  'ENOENT: with an IPC channel': async ({ cp, follow, log }) => {
    const child = cp.spawn('/no/such/program', { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] });
    log('connected', child.connected);
    child.send('hello', (error) => log('sent', error));
    const listener = (error: Error) => log('uncaughtException', error);
    process.on('uncaughtException', listener);
    await follow(child);
    log('connected', child.connected);
    process.removeListener('uncaughtException', listener);
  },

  'a bad cwd': async (context) => {
    const { dir } = context;
    writeFileSync(join(dir, 'file'), '');
    await fail(context, 'true', [], { cwd: join(dir, 'missing') });
    await fail(context, '/bin/true', [], { cwd: join(dir, 'file') });
    await fail(context, 'true', [], { cwd: join(dir, 'x'.repeat(300)) });
    await fail(context, 'no-such-program', [], { cwd: join(dir, 'missing') });
    await fail(context, 'true', [], { cwd: '' });
  },

  'a cwd without permission': {
    alone: true,
    needsRoot: true,
    run: async (context) => {
      const closed = join(context.dir, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      becomeNobody();
      await fail(context, 'true', [], { cwd: closed });
    },
  },

  'EACCES: what can not be executed': async (context) => {
    const { dir } = context;
    writeFileSync(join(dir, 'plain'), '#!/bin/sh\necho never\n', { mode: 0o644 });
    await fail(context, join(dir, 'plain'), []);
    await fail(context, './plain', [], { cwd: dir });
    await fail(context, dir, []);
    await fail(context, '/', []);
    await fail(context, '.', []);
  },

  'EACCES: a program in a folder without permission': {
    alone: true,
    needsRoot: true,
    run: async (context) => {
      const closed = join(context.dir, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      writeFileSync(join(closed, 'program'), '#!/bin/sh\n', { mode: 0o755 });
      becomeNobody();
      await fail(context, join(closed, 'program'), []);
    },
  },

  'E2BIG: an argument or an environment that is too large': async (context) => {
    const { attempt, cp } = context;
    const large = 'x'.repeat(200_000);
    attempt('argument', () => cp.spawn('true', [large]));
    attempt('variable', () => cp.spawn('true', [], { env: { large } }));
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`v${index}`, 'y'.repeat(100_000)]),
    );
    attempt('environment', () => cp.spawn('true', [], { env: many }));
    attempt('arguments', () => cp.spawn('true', Object.values(many)));
    await fail(context, 'true', ['x'.repeat(100_000)]);
  },

  'ENOEXEC: a script without a first line for the kernel runs in sh': async (context) => {
    const { dir } = context;
    writeFileSync(join(dir, 'script'), 'echo "$0 ran with $# $1"\nexit 6\n', { mode: 0o755 });
    writeFileSync(join(dir, 'empty'), '', { mode: 0o755 });
    await fail(context, join(dir, 'script'), ['an argument', 'b']);
    await fail(context, './script', [], { cwd: dir });
    await fail(context, 'script', ['x'], { env: { PATH: `/nowhere:${dir}` } });
    await fail(context, join(dir, 'script'), ['x'], { argv0: 'another name' });
    await fail(context, join(dir, 'empty'), []);
  },

  'ENOEXEC: a binary file that no one can run': async (context) => {
    const { dir } = context;
    writeFileSync(join(dir, 'binary'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 0, 1, 2, 3]), {
      mode: 0o755,
    });
    await fail(context, join(dir, 'binary'), []);
  },

  'a script whose interpreter is missing or can not be executed': async (context) => {
    const { dir } = context;
    writeFileSync(join(dir, 'missing'), '#!/no/such/interpreter\n', { mode: 0o755 });
    writeFileSync(join(dir, 'plain'), '#!/etc/passwd\n', { mode: 0o755 });
    writeFileSync(join(dir, 'fine'), '#!/bin/sh -e\necho "$0" "$@"\n', { mode: 0o755 });
    await fail(context, join(dir, 'missing'), []);
    await fail(context, join(dir, 'plain'), []);
    await fail(context, join(dir, 'fine'), ['x', 'y z']);
  },

  'ELOOP: a link that leads to itself': async (context) => {
    const { dir } = context;
    symlinkSync('loop', join(dir, 'loop'));
    await fails(context, join(dir, 'loop'));
    await fails(context, 'loop', { env: { PATH: `${dir}:/bin` } });
  },

  'ENAMETOOLONG: a name or a path that is too long': async (context) => {
    await fails(context, `/bin/${'x'.repeat(300)}`);
    await fails(context, 'x'.repeat(300));
    await fails(context, '/x'.repeat(3000));
    await fails(context, 'x'.repeat(5000));
  },

  'ETXTBSY: a program that is being written': async (context) => {
    const program = join(context.dir, 'program');
    writeFileSync(program, '#!/bin/sh\necho ran\n', { mode: 0o755 });
    const fd = openSync(program, 'r+');
    await fails(context, program);
    closeSync(fd);
    await fails(context, program);
  },

  'a dangling link': async (context) => {
    symlinkSync('nowhere', join(context.dir, 'dangling'));
    await fails(context, join(context.dir, 'dangling'));
  },

  'EPERM: another user, without privileges': {
    alone: true,
    needsRoot: true,
    run: async (context) => {
      becomeNobody();
      await fails(context, 'true', { uid: 0 });
      await fails(context, 'true', { gid: 0 });
      await fails(context, 'true', { uid: 1, gid: 1 });
      await fails(context, 'true', { uid: nobody });
      await fails(context, 'true', { gid: nobody });
      await fails(context, 'true', { uid: nobody, gid: nobody });
      await fails(context, 'no-such-program', { uid: 0 });
    },
  },

  'uid and gid out of range': async (context) => {
    for (const value of [-1, -2, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1.5, Number.NaN, '0', true]) {
      await fails(context, 'true', { uid: value });
      await fails(context, 'true', { gid: value });
    }
  },

  'a failure leaves no zombie and no descriptor': async ({ cp, log }) => {
    const fds = () => readNames('/proc/self/fd').length;
    const fail = async () => {
      const child = cp.spawn('/no/such/program');
      child.on('error', () => {});
      await closed(child);
    };
    await fail();
    await turn();
    const before = fds();
    for (let count = 0; count < 20; count++) await fail();
    await turn();
    log('descriptors', fds() - before);
  },

  'an early failure of a pipe position leaves no descriptor': async ({ cp, log, attempt }) => {
    const fds = () => readNames('/proc/self/fd').length;
    attempt('first', () => cp.spawn('true', { stdio: ['pipe', 'pipe', 'pipe', 9999] }));
    await turn();
    await turn();
    const before = fds();
    for (let count = 0; count < 10; count++) {
      attempt('again', () => cp.spawn('true', { stdio: ['pipe', 'pipe', 'pipe', 9999] }));
    }
    await turn();
    await turn();
    log('descriptors', fds() - before);
  },

  'a permission that is lost between two spawns': async (context) => {
    const program = join(context.dir, 'program');
    writeFileSync(program, '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    await fails(context, program);
    chmodSync(program, 0o644);
    await fails(context, program);
    chmodSync(program, 0o755);
    await fails(context, program);
  },
};

/** Starts what may fail and logs all that comes of it. */
async function fail(
  { attempt, follow, cp, log, transcript }: Context,
  file: string,
  args: string[],
  options: object = {},
) {
  const child = attempt(`spawn ${file.length > 300 ? 'a long name' : file}`, () =>
    cp.spawn(file, args, options),
  );
  if (!child) return;
  log('returned', child.pid === undefined, child.spawnargs);
  await follow(child, `child ${Object.keys(transcript.lanes).length}`);
}

function fails(context: Context, file: string, options: object = {}) {
  return fail(context, file, [], options);
}

function becomeNobody() {
  process.setgroups?.([]);
  process.setgid?.(nobody);
  process.setuid?.(nobody);
}
