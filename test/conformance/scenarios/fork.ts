import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import type { Subject } from '../scenario.js';

export const subject: Subject = {
  'a forked program gets its arguments and a channel': async ({ cp, fixture, log, follow }) => {
    const child = cp.fork(fixture('report.cjs'), ['a', 'b c']);
    log(
      'returned',
      child.connected,
      child.stdin,
      child.stdout,
      child.stdio.length,
      child.spawnfile,
      child.spawnargs,
    );
    log('channel', typeof child.channel, child.channel?.constructor.name, child.channel === child._channel);
    await follow(child);
    log('later', child.connected, child.channel);
  },

  'a path as a URL': async ({ cp, fixture, follow }) => {
    await follow(cp.fork(pathToFileURL(fixture('report.cjs'))));
  },

  'a program that is missing': async ({ cp, log }) => {
    const child = cp.fork('/no/such/program.js', { silent: true });
    const errors = text(child.stderr as NodeJS.ReadableStream as never);
    log('close', await once(child, 'close'));
    log('stderr', (await errors).includes('Cannot find module'));
  },

  'execPath and execArgv': async ({ cp, fixture, follow, dir, log }) => {
    await follow(
      cp.fork(fixture('report.cjs'), { execArgv: ['--no-warnings', '--title=procguard test'] }),
      'execArgv',
    );
    symlinkSync(process.execPath, join(dir, 'my-node'));
    await follow(cp.fork(fixture('report.cjs'), { execPath: join(dir, 'my-node') }), 'execPath');
    const missing = cp.fork(fixture('report.cjs'), { execPath: '/no/such/node' });
    log('missing', missing.connected, missing.pid);
    await follow(missing, 'missing');
    const other = cp.fork('-c', ['echo $NODE_CHANNEL_FD "$@"', 'sh', 'x'], {
      execPath: '/bin/sh',
      silent: true,
    });
    await follow(other, 'sh');
  },

  'execArgv of the host is passed on': {
    alone: true,
    nodeArgs: ['--no-deprecation', '--stack-size=900'],
    run: async ({ cp, fixture, follow }) => {
      await follow(cp.fork(fixture('report.cjs')), 'inherited');
      process.execArgv.push('--no-warnings');
      await follow(cp.fork(fixture('report.cjs')), 'changed');
      await follow(cp.fork(fixture('report.cjs'), { execArgv: [] }), 'empty');
    },
  },

  'silent gives pipes': async ({ cp, fixture, log }) => {
    const child = cp.fork(fixture('report.cjs'), ['print'], { silent: true });
    log('streams', child.stdin !== null, child.stdout !== null, child.stdio.length);
    child.stderr?.resume();
    const [printed] = await Promise.all([text(child.stdout as never), once(child, 'close')]);
    log('printed', printed);
  },

  'stdio of each form': async ({ cp, fixture, log, attempt }) => {
    for (const stdio of [
      'pipe',
      'ignore',
      ['pipe', 'ignore', 'inherit', 'ipc'],
      ['ipc', 'pipe', 'ignore'],
      ['ignore', 'ignore', 'ignore', 'pipe', 'ipc'],
    ]) {
      const child = cp.fork(fixture('report.cjs'), { stdio: stdio as never });
      for (const stream of child.stdio) if (stream && 'resume' in stream) stream.resume();
      const [message] = (await once(child, 'message')) as [{ channel: string }];
      log(String(stdio), message.channel, child.stdio.length);
      await once(child, 'close');
    }
    for (const stdio of [['pipe', 'pipe', 'pipe'], [], ['ipc', 'ipc'], 'nonsense', 5, {}]) {
      attempt(`stdio ${JSON.stringify(stdio)}`, () =>
        cp.fork(fixture('report.cjs'), { stdio: stdio as never }),
      );
    }
  },

  'stdio as a word overrides silent': async ({ cp, fixture, log }) => {
    const child = cp.fork(fixture('report.cjs'), { stdio: 'ignore', silent: true });
    log('streams', child.stdin, child.stdout, child.stdio.length);
    await once(child, 'close');
  },

  'cwd, env, detached and shell': async ({ cp, fixture, follow }) => {
    await Promise.all([
      follow(cp.fork(fixture('report.cjs'), { cwd: '/usr' }), 'cwd'),
      follow(cp.fork(fixture('report.cjs'), { env: { CONFORMANCE: 'x' } }), 'env'),
      follow(cp.fork(fixture('report.cjs'), { detached: true }), 'detached'),
      follow(cp.fork(fixture('report.cjs'), { shell: true } as never), 'shell'),
      follow(cp.fork(fixture('report.cjs'), { argv0: 'name' } as never), 'argv0'),
    ]);
  },

  'an AbortSignal, a timeout and killSignal': async ({ cp, lane }) => {
    // Only error and exit: the end of the channel comes before or after them.
    const end = async (name: string, options: object) => {
      const child = cp.fork('-c', ['exec sleep 60'], { execPath: '/bin/sh', execArgv: [], ...options });
      child.on('error', (error) => lane(name)('error', error));
      await new Promise((resolve) =>
        child.once('exit', (...values) => resolve(lane(name)('exit', ...values))),
      );
    };
    const controller = new AbortController();
    const aborted = end('aborted', { signal: controller.signal });
    controller.abort();
    await aborted;
    await end('already aborted', { signal: AbortSignal.abort(), killSignal: 'SIGKILL' });
    await end('timeout', { timeout: 30 });
    await end('killSignal', { timeout: 30, killSignal: 'SIGKILL' });
  },

  'uid and gid': {
    alone: true,
    needsRoot: true,
    run: async ({ cp, follow }) => {
      const file = '-c';
      const options = { execPath: '/bin/sh', uid: 65534, gid: 65534, silent: true, execArgv: [] };
      await follow(cp.fork(file, ['id -u; id -g; id -G'], options));
    },
  },

  'a forked program that is killed': async ({ cp, fixture, follow }) => {
    const child = cp.fork(fixture('wait.cjs'));
    const ended = follow(child);
    await once(child, 'message');
    child.kill('SIGKILL');
    await ended;
  },
};

declare module 'node:child_process' {
  interface ChildProcess {
    _channel?: unknown;
  }
}
