import { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { inspect } from 'node:util';
import { closed, output } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

const wrongOptions: [string, unknown][] = [
  ...['cwd', 'argv0', 'shell', 'env', 'stdio', 'signal', 'killSignal', 'serialization'].flatMap((name) =>
    [5, true, {}, [], 'text', null, () => {}].map((value): [string, unknown] => [name, value]),
  ),
  ...['detached', 'windowsHide', 'windowsVerbatimArguments'].flatMap((name) =>
    [0, 1, 'yes', {}, null].map((value): [string, unknown] => [name, value]),
  ),
  ...['uid', 'gid'].flatMap((name) =>
    ['0', {}, null, 1.5, true, Number.NaN].map((v): [string, unknown] => [name, v]),
  ),
  ...[-1, 1.5, 'x', null, Number.NaN, {}, Number.POSITIVE_INFINITY].map((value): [string, unknown] => [
    'timeout',
    value,
  ]),
  ...['SIGNOTHING', 0, 999, -1, 1.5, {}, true].map((value): [string, unknown] => ['killSignal', value]),
];

const wrongCalls: unknown[][] = [
  [],
  [undefined],
  [null],
  [5],
  [{}],
  [[]],
  [''],
  [new String('true')],
  ['true', null],
  ['true', undefined],
  ['true', 'text'],
  ['true', 5],
  ['true', true],
  ['true', () => {}],
  ['true', [], null],
  ['true', [], 'text'],
  ['true', [], 5],
  ['true', [], true],
  ['true', [], []],
  ['true', [], () => {}],
  ['true', null, null],
  ['true', undefined, undefined],
  ['true', null, {}],
  ['true', {}, {}],
  ['true', [1, null, undefined, true, { toString: () => 'object' }]],
  ['true', [Symbol.for('x')]],
  ['true', [{ toString: () => 'a\0b' }]],
  ['true', { length: 1, 0: 'x' }],
  ['true', Object.assign([], { 1: 'x' })],
];

export const subject: Subject = {
  'arguments of the wrong type': async ({ cp, attempt }) => {
    for (const [index, args] of wrongCalls.entries()) {
      const child = attempt(`spawn call ${index}`, () => cp.spawn(...(args as [string])));
      if (child) await settle(child);
    }
  },

  'arguments of the wrong type to exec, execFile and fork': async ({ cp, attempt }) => {
    for (const [index, args] of wrongCalls.entries()) {
      for (const name of ['exec', 'execFile'] as const) {
        const child = attempt(`${name} call ${index}`, () =>
          (cp[name] as typeof cp.exec)(...(args as [string])),
        );
        if (child) await settle(child);
      }
    }
    for (const args of [
      [],
      [null],
      [5],
      [{}],
      [''],
      ['a\0b'],
      ['x.js', 5],
      ['x.js', [], 5],
      ['x.js', 'text'],
    ]) {
      const child = attempt(`fork ${inspect(args)}`, () => cp.fork(...(args as [string])));
      if (child) {
        child.stderr?.resume();
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    }
    attempt('callback', () => cp.exec('true', {}, 'text' as never));
    attempt('callback', () => cp.execFile('true', [], {}, 'text' as never));
  },

  'options of the wrong type': async ({ cp, attempt }) => {
    for (const [name, value] of wrongOptions) {
      const child = attempt(`${name} ${inspect(value)}`, () => cp.spawn('true', [], { [name]: value }));
      if (child) await settle(child);
    }
  },

  'options of the wrong type, with a channel': async ({ cp, attempt }) => {
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc'] as const;
    for (const serialization of ['json', 'advanced', undefined, 'JSON', 5, null]) {
      const child = attempt(`serialization ${serialization}`, () =>
        cp.spawn('true', [], { stdio: [...stdio], serialization: serialization as 'json' }),
      );
      if (child) await settle(child);
    }
  },

  'null bytes': async ({ cp, attempt }) => {
    attempt('file', () => cp.spawn('tr\0ue'));
    attempt('argument', () => cp.spawn('true', ['a\0b']));
    attempt('argv0', () => cp.spawn('true', { argv0: 'a\0b' }));
    attempt('cwd', () => cp.spawn('true', { cwd: '/tm\0p' }));
    attempt('cwd URL', () => cp.spawn('true', { cwd: new URL('file:///tm%00p') }));
    attempt('shell', () => cp.spawn('true', { shell: '/bin/s\0h' }));
    attempt('variable name', () => cp.spawn('true', { env: { 'a\0b': 'c' } }));
    attempt('variable value', () => cp.spawn('true', { env: { a: 'b\0c' } }));
    attempt('exec', () => cp.exec('true \0'));
    attempt('execFile', () => cp.execFile('true', ['\0']));
    attempt('fork', () => cp.fork('\0'));
    attempt('fork argument', () => cp.fork('x.js', ['\0']));
    attempt('fork execPath', () => cp.fork('x.js', { execPath: '\0' }));
    attempt('fork execArgv', () => cp.fork('x.js', { execArgv: ['\0'] }));
  },

  'cwd as a URL of the wrong kind': ({ cp, attempt }) => {
    attempt('http', () => cp.spawn('true', { cwd: new URL('http://example.org/') }));
    attempt('host', () => cp.spawn('true', { cwd: new URL('file://host/tmp') }));
    attempt('slash', () => cp.spawn('true', { cwd: new URL('file:///tmp%2fx') }));
  },

  'options are read in the same way': async ({ cp, log }) => {
    const reads: string[] = [];
    const values: Record<string, unknown> = {
      cwd: '/',
      stdio: 'ignore',
      env: { A: '1' },
      detached: false,
      uid: undefined,
    };
    const options = {};
    for (const [name, value] of Object.entries(values)) {
      Object.defineProperty(options, name, {
        enumerable: true,
        get: () => {
          reads.push(name);
          return value;
        },
      });
    }
    await once(cp.spawn('true', [], options), 'close');
    log('getters', reads);
  },

  'a getter that throws': ({ cp, attempt }) => {
    for (const name of ['cwd', 'env', 'stdio', 'shell', 'signal', 'timeout']) {
      const options = Object.defineProperty({}, name, {
        enumerable: true,
        get: () => {
          throw new Error(`${name} was read`);
        },
      });
      attempt(name, () => cp.spawn('true', [], options));
      attempt(`exec ${name}`, () => cp.exec('true', options));
      attempt(`execFile ${name}`, () => cp.execFile('true', options));
      attempt(`fork ${name}`, () => cp.fork('x', options));
    }
  },

  'options without a prototype, inherited, hidden and frozen': async (context) => {
    const { log, cp } = context;
    const script = 'pwd; echo $A';
    const run = async (label: string, options: object) => {
      const child = cp.spawn('sh', ['-c', script], options as { stdio: 'pipe' });
      const chunks: string[] = [];
      child.stdout?.on('data', (chunk) => chunks.push(String(chunk)));
      child.stderr?.resume();
      await once(child, 'close');
      log(label, chunks.join(''), child.stdin === null);
    };
    const own = { cwd: '/', env: { A: 'one' } };
    await run('no prototype', Object.assign(Object.create(null), own));
    await run('inherited', Object.create({ cwd: '/usr', env: { A: 'inherited' } }));
    await run('half inherited', Object.assign(Object.create({ cwd: '/usr' }), { env: { A: 'own' } }));
    await run(
      'hidden',
      Object.defineProperty({ env: { A: 'x' } }, 'cwd', { value: '/usr', enumerable: false }),
    );
    await run('frozen', Object.freeze({ ...own, stdio: Object.freeze(['ignore', 'pipe', 'pipe']) }));
    await run(
      'of a class',
      new (class Options {
        cwd = '/';
        env = { A: 'class' };
      })(),
    );
    await run('proxy', new Proxy(own, {}));
  },

  'options and arguments are left as they were': async ({ cp, log }) => {
    const args = ['-c', 'true'];
    const env = { A: '1' };
    const stdio: ('ignore' | 'pipe')[] = ['ignore', 'pipe'];
    const options = { env, stdio, cwd: '/' };
    const child = cp.spawn('sh', args, options);
    await settle(child);
    log('after', args, options, Object.keys(options), child.spawnargs === args);
    args.push('more');
    log('spawnargs', child.spawnargs);
  },

  'a pollution of Object.prototype changes nothing': async (context) => {
    const polluted = Object.prototype as Record<string, unknown>;
    try {
      for (const [name, value] of Object.entries({
        shell: true,
        cwd: '/usr',
        argv0: 'p',
        detached: true,
        guard: false,
      })) {
        Object.defineProperty(polluted, name, {
          value,
          configurable: true,
          writable: true,
          enumerable: false,
        });
      }
      context.log('output', await output(context, 'pwd -P; ps -o comm= -p $$; :', { cwd: undefined }));
    } finally {
      for (const name of ['shell', 'cwd', 'argv0', 'detached', 'guard']) delete polluted[name];
    }
  },

  'options that only Windows knows do nothing': async ({ cp, follow }) => {
    const options = { windowsHide: true, windowsVerbatimArguments: true };
    await follow(cp.spawn('printf', ['%s|', 'a b', '"c"', 'd\\'], options));
    await follow(cp.spawn('printf', ['%s|', '%A%'], { ...options, windowsHide: false }), 'shown');
  },

  'unknown options are ignored': async ({ cp, follow }) => {
    await follow(
      cp.spawn('echo', ['fine'], { nonsense: 1, file: 'other', args: ['x'], envPairs: ['A=1'] } as never),
    );
  },

  'every form of the arguments': async ({ cp, follow }) => {
    await follow(cp.spawn('echo'), 'file');
    await follow(cp.spawn('echo', { argv0: 'x' }), 'file, options');
    await follow(cp.spawn('echo', ['a']), 'file, args');
    await follow(cp.spawn('echo', ['a'], {}), 'file, args, options');
    await follow(cp.spawn('echo', undefined as never, {}), 'file, undefined, options');
    await follow(cp.spawn('echo', [1, true, null, undefined] as never), 'args that are no strings');
    await follow(cp.spawn('echo', ['', ' ', '\n', '\u{1F600}', '\ud800']), 'odd strings');
  },

  'the child is a ChildProcess with the same properties': async ({ cp, log }) => {
    const child = cp.spawn('cat');
    const ownNames = () => Reflect.ownKeys(child).map(String).sort();
    log('class', child instanceof ChildProcess, child instanceof EventEmitter, child.constructor.name);
    log('names', ownNames());
    log('keys', Object.keys(child));
    log('tag', Object.prototype.toString.call(child), String(child));
    log('methods', Object.getOwnPropertyNames(Object.getPrototypeOf(child)).sort());
    log(
      'inspect',
      [...inspect(child, { depth: 0 }).matchAll(/^ {2}('?\w+'?|\[.*?\]):/gm)].map(([, name]) => name),
    );
    log(
      'values',
      child.spawnfile,
      child.spawnargs,
      child.connected,
      child.exitCode,
      child.signalCode,
      child.killed,
    );
    log('channel', child.channel, 'send' in child, 'disconnect' in child);
    log('listeners', child.eventNames().map(String), child.listenerCount('exit'), child.getMaxListeners());
    child.stdin.end();
    await once(child, 'close');
    log('names', ownNames());
    log(
      'inspect',
      [...inspect(child, { depth: 0 }).matchAll(/^ {2}('?\w+'?|\[.*?\]):/gm)].map(([, name]) => name),
    );
  },

  'a handle that the child keeps to itself': async ({ cp, log, attempt }) => {
    const child = cp.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    const handle = (child as unknown as { _handle: Record<string, unknown> })._handle;
    log('handle', typeof handle, typeof handle.pid, handle.pid === child.pid, typeof handle.onexit);
    for (const method of ['spawn', 'kill', 'ref', 'unref', 'hasRef', 'close', 'getAsyncId']) {
      log(method, typeof handle[method]);
    }
    attempt('hasRef', () => (handle as unknown as { hasRef(): boolean }).hasRef());
    child.unref();
    attempt('hasRef', () => (handle as unknown as { hasRef(): boolean }).hasRef());
    child.ref();
    attempt('hasRef', () => (handle as unknown as { hasRef(): boolean }).hasRef());
    child.stdin.end();
    await once(child, 'close');
  },

  'the functions have the same names and lengths': ({ cp, log }) => {
    for (const name of ['spawn', 'fork', 'exec', 'execFile'] as const)
      log(name, cp[name].name, cp[name].length);
  },
};

/** Waits until a child that may have failed to start is gone. */
async function settle(child: ReturnType<Context['cp']['spawn']>) {
  child.on('error', () => {});
  for (const stream of child.stdio ?? []) if (stream && 'resume' in stream) stream.resume();
  await closed(child);
}
