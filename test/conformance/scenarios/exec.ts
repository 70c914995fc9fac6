import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { closed } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

type Callback = (error: unknown, stdout: unknown, stderr: unknown) => void;

export const subject: Subject = {
  'exec gives the output to its callback': async (context) => {
    await exec(context, 'echo out; echo err >&2');
    await exec(context, 'exit 0');
    await exec(context, '');
  },

  'exec tells an exit code, a signal, and what was written before': async (context) => {
    await exec(context, 'echo out; echo err >&2; exit 3');
    await exec(context, 'echo out; kill -9 $$');
    await exec(context, 'kill -34 $$');
    await exec(context, 'procguard-no-such-command');
  },

  'exec with each option': async (context) => {
    const { dir } = context;
    await exec(context, 'pwd', { cwd: '/' });
    await exec(context, 'pwd', { cwd: `${dir}/missing` });
    await exec(context, 'echo $A', { env: { A: 'value' } });
    await exec(context, 'echo "$0"', { shell: '/bin/bash' });
    await exec(context, 'true', { shell: '/no/such/shell' });
    await exec(context, 'id -u', { uid: 0 });
    await exec(context, 'true', { windowsHide: true });
    await exec(context, 'printf "\\303\\251\\377"', { encoding: 'buffer' });
    await exec(context, 'printf "\\303\\251\\377"', { encoding: 'latin1' });
    await exec(context, 'printf "\\303\\251\\377"', { encoding: 'hex' });
    await exec(context, 'printf "\\303\\251\\377"', { encoding: 'utf8' });
    await exec(context, 'printf "\\303\\251\\377"', { encoding: 'nonsense' });
    await exec(context, 'printf "\\303\\251\\377"', { encoding: null });
  },

  'exec within and beyond maxBuffer': async (context) => {
    await exec(context, 'printf 12345', { maxBuffer: 5 });
    await exec(context, 'printf 12345 >&2', { maxBuffer: 5 });
    await exec(context, 'printf 123456; exec sleep 60', { maxBuffer: 5 });
    await exec(context, 'printf 123456 >&2; exec sleep 60', { maxBuffer: 5 });
    await exec(context, 'printf 123456; exec sleep 60', { maxBuffer: 5, encoding: 'buffer' });
    await exec(context, 'printf 123456; exec sleep 60', { maxBuffer: 5, killSignal: 'SIGKILL' });
    await exec(context, 'printf "\\303\\251\\303\\251"; exec sleep 60', { maxBuffer: 3 });
    await exec(context, 'head -c 2000000 /dev/zero', { maxBuffer: Number.POSITIVE_INFINITY });
    await exec(context, 'head -c 1048576 /dev/zero');
    for (const maxBuffer of [-1, 'x', null, Number.NaN]) await exec(context, 'true', { maxBuffer });
  },

  'exec with a timeout': async (context) => {
    await exec(context, 'exec sleep 60', { timeout: 20 });
    await exec(context, 'exec sleep 60', { timeout: 20, killSignal: 'SIGKILL' });
    await exec(context, 'echo before; exec sleep 60', { timeout: 150 });
    await exec(context, 'true', { timeout: 60_000 });
    for (const timeout of [-1, 'x', 1.5]) await exec(context, 'true', { timeout });
  },

  'exec with an AbortSignal': async (context) => {
    await exec(context, 'exec sleep 60', { signal: AbortSignal.abort() });
    const controller = new AbortController();
    const ended = exec(context, 'exec sleep 60', { signal: controller.signal });
    controller.abort(new Error('reason'));
    await ended;
    await exec(context, 'true', { signal: {} });
  },

  'exec whose child is killed by the caller': async ({ cp, log }) => {
    await new Promise<void>((resolve) => {
      const child = cp.exec('exec sleep 60', (error, stdout, stderr) => {
        log('callback', error, stdout, stderr, child.killed);
        resolve();
      });
      child.kill('SIGINT');
    });
  },

  'exec without a callback': async ({ cp, follow }) => {
    await follow(cp.exec('echo out; exit 4'), 'exec');
    await follow(cp.execFile('sh', ['-c', 'echo out; exit 4']), 'execFile');
    await follow(cp.execFile('/no/such/program'), 'missing');
  },

  'exec with input through stdin': async ({ cp, log }) => {
    await new Promise<void>((resolve) => {
      const child = cp.exec('cat; echo done', (...values) => resolve(log('callback', ...values)));
      child.stdin?.end('the input\n');
    });
  },

  'the callback and the events come in the same order': async ({ cp, log }) => {
    await new Promise<void>((resolve) => {
      const child = cp.exec('echo out; exit 1', () => {
        log('callback');
        setImmediate(resolve);
      });
      log('returned', typeof child.pid);
      child.on('spawn', () => log('spawn'));
      child.on('exit', () => log('exit'));
      child.on('close', () => log('close'));
    });
  },

  'an error thrown by the callback is uncaught': async ({ cp, log }) => {
    const uncaught = new Promise<unknown[]>((resolve) => {
      process.once('uncaughtException', (...values) => resolve(values));
    });
    cp.exec('true', () => {
      throw new Error('from the callback');
    });
    log('uncaughtException', ...(await uncaught));
  },

  'execFile gives the output to its callback': async (context) => {
    await execFile(context, 'sh', ['-c', 'echo out; echo err >&2']);
    await execFile(context, 'sh', ['-c', 'echo out; exit 9']);
    await execFile(context, 'sh', ['-c', 'kill -TERM $$']);
    await execFile(context, '/no/such/program', ['x', 'y']);
    await execFile(context, '/', ['x']);
    await execFile(context, 'printf', ['%s|', 'a b', '$HOME', '"']);
    await execFile(context, 'echo', ['$((1 + 1))'], { shell: true });
    await execFile(context, 'true', ['x'], { cwd: '/no/such/folder' });
    await execFile(context, 'sh', ['-c', 'exec sleep 60'], { timeout: 20 });
    await execFile(context, 'sh', ['-c', 'printf 123456; exec sleep 60'], { maxBuffer: 3 });
    await execFile(context, 'sleep', ['60'], { signal: AbortSignal.abort() });
    await execFile(context, 'printf', ['\\303\\251'], { encoding: 'buffer' });
  },

  'every form of the arguments of execFile': async ({ cp, log }) => {
    const forms: [string, (callback: Callback) => ChildProcess][] = [
      ['file, callback', (callback) => cp.execFile('echo', callback)],
      ['file, args, callback', (callback) => cp.execFile('echo', ['a'], callback)],
      ['file, options, callback', (callback) => cp.execFile('echo', { cwd: '/' }, callback)],
      ['file, args, options, callback', (callback) => cp.execFile('echo', ['a'], { cwd: '/' }, callback)],
      ['file, null, null, callback', (callback) => cp.execFile('echo', null, null, callback)],
      ['file, undefined, callback', (callback) => cp.execFile('echo', undefined as never, callback as never)],
      ['command, null, callback', (callback) => cp.exec('echo x', null, callback as never)],
      ['command, undefined, callback', (callback) => cp.exec('echo x', undefined, callback as never)],
    ];
    for (const [name, start] of forms) {
      await new Promise<void>((resolve) => {
        try {
          start((...values) => resolve(log(name, ...values)));
        } catch (error) {
          resolve(log(`${name} threw`, error));
        }
      });
    }
  },

  'a failure to start that is thrown': async ({ attempt, cp }) => {
    const never = () => {
      throw new Error('called');
    };
    attempt('exec', () => cp.exec('x'.repeat(200_000), never));
    attempt('execFile', () => cp.execFile('true', ['x'.repeat(200_000)], never));
  },

  'promisified exec': async ({ cp, log }) => {
    const exec = promisify(cp.exec);
    log('resolved', await exec('echo out; echo err >&2'));
    log('rejected', await exec('echo out; exit 5').catch((error) => error));
    const promise = exec('echo child');
    log('child', typeof promise.child.pid, promise.child.spawnargs, promise instanceof Promise);
    log('resolved', await promise);
    log('buffer', await exec('echo x', { encoding: 'buffer' }));
    log('aborted', await exec('exec sleep 60', { signal: AbortSignal.abort() }).catch((error) => error));
    log('name', exec.name, exec.length, exec === (cp.exec as never)[promisify.custom]);
    const killed = exec('exec sleep 60');
    killed.child.kill();
    log('killed', await killed.catch((error) => error));
  },

  'promisified execFile': async ({ cp, log, attempt }) => {
    const execFile = promisify(cp.execFile);
    log('resolved', await execFile('echo', ['out']));
    log('rejected', await execFile('sh', ['-c', 'echo out; exit 5']).catch((error) => error));
    log('missing', await execFile('/no/such/program').catch((error) => error));
    const promise = execFile('echo', ['child']);
    log('child', typeof promise.child.pid, promise.child.spawnargs);
    log('resolved', await promise);
    attempt('wrong type', () => execFile(5 as never));
    log('name', execFile.name, execFile.length);
  },

  'many at once': async ({ cp, log }) => {
    const exec = promisify(cp.exec);
    const outputs = await Promise.all(
      Array.from({ length: 40 }, (_, index) => exec(`echo ${index}; echo e${index} >&2`)),
    );
    log('outputs', outputs);
  },

  'output that a grandchild goes on writing': async ({ cp, log }) => {
    await new Promise<void>((resolve) => {
      const child = cp.exec('{ sleep 0.05; echo late; } & echo early; exit 2', (...values) => {
        log('callback', ...values);
        resolve();
      });
      child.on('exit', () => log('exit'));
    });
  },

  'a stream that is destroyed by the caller': async ({ cp, log }) => {
    await new Promise<void>((resolve) => {
      const child = cp.exec('exec sleep 0.02', (...values) => resolve(log('callback', ...values)));
      child.stdout?.destroy();
    });
    const child = cp.exec('read x');
    child.stdin?.destroy();
    log('close', await once(child, 'close'));
  },
};

/** Runs a command and logs what its callback got; also the events, in their own lane. */
function exec({ cp, log, lane }: Context, command: string, options: object = {}) {
  const label = `exec ${command.slice(0, 40)} ${JSON.stringify(options)}`;
  return called(log, label, lane(label), (callback) =>
    cp.exec(command, options as { encoding: 'utf8' }, callback),
  );
}

function execFile({ cp, log, lane }: Context, file: string, args: string[], options: object = {}) {
  const label = `execFile ${file} ${args.join(' ').slice(0, 40)} ${JSON.stringify(options)}`;
  return called(log, label, lane(label), (callback) =>
    cp.execFile(file, args, options as { encoding: 'utf8' }, callback),
  );
}

async function called(
  log: Context['log'],
  label: string,
  events: Context['log'],
  start: (done: Callback) => ChildProcess,
) {
  let child: ChildProcess | undefined;
  const done = new Promise<void>((resolve) => {
    try {
      child = start((error, stdout, stderr) => {
        log(label, error, stdout, stderr, child?.killed);
        resolve();
      });
    } catch (error) {
      log(`${label} threw`, error);
      resolve();
    }
  });
  for (const event of ['spawn', 'exit', 'close']) child?.on(event, (...values) => events(event, ...values));
  // An abort calls the callback before the child has ended.
  await Promise.all([done, child && closed(child)]);
}
