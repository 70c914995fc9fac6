import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Subject } from '../scenario.js';

export const subject: Subject = {
  'shell: true': async ({ cp, follow }) => {
    await follow(cp.spawn('echo one && echo two | tr a-z A-Z; exit 3', { shell: true }), 'command');
    await follow(
      cp.spawn('echo', ['"quoted words"', '$((1 + 1))', "'single'", '*'], { shell: true, cwd: '/' }),
      'arguments',
    );
  },

  'shell: a path': async ({ cp, dir, follow, attempt }) => {
    await follow(cp.spawn('echo "$0"', { shell: '/bin/sh' }), 'path');
    symlinkSync('/bin/sh', join(dir, 'my-shell'));
    await follow(cp.spawn('echo "$0"', { shell: join(dir, 'my-shell') }), 'own');
    await follow(cp.spawn('echo "$0"', { shell: 'bash' }), 'searched');
    const missing = attempt('missing', () => cp.spawn('true', { shell: '/no/such/shell' }));
    if (missing) await follow(missing, 'missing');
    const empty = attempt('empty', () => cp.spawn('true', { shell: '' }));
    if (empty) await follow(empty, 'empty');
  },

  'spawnfile and spawnargs of a shell': async ({ cp, log }) => {
    const child = cp.spawn('true', ['a b'], { shell: true, argv0: 'name' });
    child.stdout.resume();
    child.stderr.resume();
    log('spawn', child.spawnfile, child.spawnargs);
    await once(child, 'close');
  },

  'a shell that does not find the command': async ({ cp, follow }) => {
    await follow(cp.spawn('procguard-no-such-command', { shell: true }));
  },

  'killing a shell leaves what it started': async ({ cp, log, dir }) => {
    const child = cp.spawn('mkfifo f; sh -c "echo ready; read line <f; echo still here"; true', {
      shell: true,
      cwd: dir,
    });
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    log('exit', await once(child, 'exit'));
    child.stdout.on('data', (chunk) => log('data', String(chunk)));
    child.stderr.resume();
    await once(cp.spawn('echo go >f', { shell: true, cwd: dir }), 'exit');
    log('close', await closed);
  },

  'warnings about a shell with arguments': {
    alone: true,
    run: async ({ cp, log }) => {
      process.on('warning', (warning) => log('warning', warning));
      for (const args of [['a'], ['b'], []])
        await once(cp.spawn('true', args, { shell: true, stdio: 'ignore' }), 'close');
      await new Promise((resolve) => cp.execFile('true', ['c'], { shell: true }, resolve));
      await new Promise((resolve) => setImmediate(resolve));
    },
  },
};
