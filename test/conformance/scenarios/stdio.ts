import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { childDescriptors, output } from '../proc.js';
import type { Subject } from '../scenario.js';

const simpleForms = {
  'pipe, by default': undefined,
  'pipe, as a word': 'pipe',
  overlapped: 'overlapped',
  ignore: 'ignore',
  'pipe for each': ['pipe', 'pipe', 'pipe'],
  'overlapped for each': ['overlapped', 'overlapped', 'overlapped'],
  'ignore for each': ['ignore', 'ignore', 'ignore'],
  'null for each': [null, null, null],
  'undefined for each': [undefined, undefined, undefined],
  'an empty array': [],
  'one entry': ['ignore'],
  'two entries': ['pipe', 'ignore'],
  'five pipes': ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  'null and undefined past the third': ['ignore', 'ignore', 'ignore', null, undefined, 'pipe'],
  'an array with holes': Object.assign([], { 0: 'ignore', 3: 'pipe', 7: 'pipe' }),
  'a pipe at 5 only': ['ignore', 'ignore', 'ignore', 'ignore', 'ignore', 'pipe'],
  'ignore past the third': ['ignore', 'ignore', 'ignore', 'ignore', 'pipe', 'ignore'],
  'a pipe at 40': Object.assign([], { 0: 'ignore', 1: 'ignore', 2: 'ignore', 40: 'pipe' }),
  'inherit past the third': ['ignore', 'ignore', 'ignore', 'inherit'],
  'an IPC channel at 3': ['ignore', 'ignore', 'ignore', 'ipc'],
  'an IPC channel at 0': ['ipc', 'ignore', 'ignore'],
  'an IPC channel at 7': ['ignore', 'ignore', 'ignore', 'ignore', 'ignore', 'ignore', 'ignore', 'ipc'],
};

// No number that is no 32-bit integer: Node 22 and later abort on those.
const invalidForms = [
  'foo',
  '',
  5,
  true,
  {},
  ['foo'],
  [''],
  [true],
  [{}],
  [[]],
  [-1],
  ['pipe', Symbol.for('pipe')],
  ['ipc', 'ipc'],
  ['pipe', 'pipe', 'pipe', 'ipc', 'ipc'],
  [() => {}],
  [{ fd: 'one' }],
  [new PassThrough()],
  [{ fd: -1 }],
  ['PIPE'],
  [10n],
];

export const subject: Subject = {
  'every simple form gives the child the same descriptors': async (context) => {
    for (const [name, stdio] of Object.entries(simpleForms)) {
      context.log(name, await childDescriptors(context, stdio));
    }
  },

  'every simple form gives the host the same streams': async ({ cp, log }) => {
    for (const [name, stdio] of Object.entries(simpleForms)) {
      const child = cp.spawn('true', { stdio: stdio as 'pipe' });
      log(
        name,
        Array.from(child.stdio as unknown[], (stream) => describeStream(stream)),
        child.stdin === child.stdio[0],
        child.stdout === child.stdio[1],
        child.stderr === child.stdio[2],
      );
      for (const stream of child.stdio) if (stream && 'resume' in stream) stream.resume();
      await once(child, 'close');
    }
  },

  'every invalid form is refused': async ({ cp, attempt }) => {
    for (const stdio of invalidForms) {
      attempt(
        `stdio ${String(JSON.stringify(stdio, (_key, value) => (typeof value === 'bigint' ? 'big' : value)))}`,
        () => cp.spawn('true', { stdio: stdio as never }),
      );
    }
  },

  'a stream without a descriptor is refused': async ({ cp, attempt, dir }) => {
    const stream = createWriteStream(join(dir, 'file'));
    attempt('unopened', () => cp.spawn('true', { stdio: ['ignore', stream] }));
    await once(stream, 'open');
    stream.end();
    await once(stream, 'close');
    attempt('closed', () => cp.spawn('true', { stdio: ['ignore', stream] }));
    attempt('unconnected', () => cp.spawn('true', { stdio: ['ignore', new Socket()] }));
    const socket = new Socket();
    socket.destroy();
    attempt('destroyed', () => cp.spawn('true', { stdio: ['ignore', socket] }));
  },

  'a bad descriptor': ({ cp, attempt }) => {
    attempt('9999', () => cp.spawn('true', { stdio: ['ignore', 9999, 'ignore'] }));
    attempt('9999 at 5', () =>
      cp.spawn('true', { stdio: ['pipe', 'pipe', 'pipe', 'ignore', 'ignore', 9999] }),
    );
    attempt('with a missing program', () => cp.spawn('/no/such', { stdio: ['ignore', 9999, 'ignore'] }));
  },

  'descriptors of files': async (context) => {
    const { cp, dir, log, follow } = context;
    writeFileSync(join(dir, 'in'), 'the input\n');
    const input = openSync(join(dir, 'in'), 'r');
    const out = openSync(join(dir, 'out'), 'w');
    log('descriptors', await childDescriptors(context, [input, out, out]));
    log('descriptors', await childDescriptors(context, ['ignore', out, 'ignore', input, 'ignore', out]));
    await follow(cp.spawn('sh', ['-c', 'cat; echo error >&2'], { stdio: [input, out, out] }));
    closeSync(input);
    closeSync(out);
    log('out', readFileSync(join(dir, 'out'), 'utf8'));
  },

  'positions that swap or shift descriptors': async (context) => {
    const { dir, log } = context;
    const fds = ['a', 'b', 'c', 'd'].map((name) => openSync(join(dir, name), 'w')).sort((x, y) => x - y);
    const [a, b, c, d] = fds as [number, number, number, number];
    const at = async (label: string, positions: Record<number, unknown>) => {
      const stdio = Array.from({ length: d + 4 }, () => 'ignore' as unknown);
      for (const [position, entry] of Object.entries(positions)) stdio[Number(position)] = entry;
      const found = Object.entries(await childDescriptors(context, stdio)).map(([fd, target]) => {
        const name = ['a', 'b', 'c', 'd'][fds.indexOf(Number(fd))] ?? (Number(fd) === d + 1 ? 'd + 1' : fd);
        return [name, target];
      });
      log(label, Object.fromEntries(found));
    };
    await at('in place', { [a]: a, [b]: b });
    await at('swap', { [a]: b, [b]: a });
    await at('rotate', { [a]: b, [b]: c, [c]: d, [d]: a });
    await at('rotate back', { [a]: d, [b]: a, [c]: b, [d]: c });
    await at('shift up', { [b]: a, [c]: b, [d]: c });
    await at('shift down', { [a]: b, [b]: c, [c]: d });
    await at('one many times', { 1: a, 2: a, [a]: a, [b]: a, [d + 1]: a });
    await at('a pipe over a used one', { [a]: 'pipe', [b]: a, [c]: 'pipe', [d]: c });
    await at('standard ones high up', { [a]: 0, [b]: 1, [c]: 2, 0: a, 1: b, 2: c });
    await at('standard ones swapped', { 0: 1, 1: 2, 2: 0 });
    for (const fd of fds) closeSync(fd);
  },

  'inherit passes on the standard streams of the host': {
    alone: true,
    run: async ({ cp, follow, log }) => {
      await follow(
        cp.spawn('sh', ['-c', 'echo from out; echo from err >&2'], { stdio: 'inherit' }),
        'inherit',
      );
      await follow(cp.spawn('sh', ['-c', 'echo numbers; echo err >&2'], { stdio: [0, 1, 2] }), 'numbers');
      await follow(cp.spawn('sh', ['-c', 'echo swapped; echo err >&2'], { stdio: [0, 2, 1] }), 'swapped');
      await follow(
        cp.spawn('sh', ['-c', 'echo streams; echo err >&2'], {
          stdio: [process.stdin, process.stdout, process.stderr],
        }),
        'streams',
      );
      await follow(
        cp.spawn('sh', ['-c', 'echo at five >&5'], { stdio: ['ignore', 'ignore', 'ignore', null, null, 1] }),
      );
      const child = cp.spawn('sh', ['-c', 'echo mixed >&2; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdin.end('piped');
      log('read', await text(child.stdout));
    },
  },

  'the host still writes to its own streams after they were shared': {
    alone: true,
    run: async ({ cp, follow }) => {
      process.stdout.write('before\n');
      await follow(cp.spawn('echo', ['child'], { stdio: 'inherit' }));
      process.stdout.write('after\n');
      console.error('error');
    },
  },

  'sharing standard streams makes them blocking, sharing others does not': {
    alone: true,
    run: async (context) => {
      const { log } = context;
      process.stdout.write('');
      process.stdin.resume().pause();
      const flags = () =>
        [0, 1, 2].map((fd) => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/flags:.*/)?.[0]);
      log('host before', flags());
      log('child', await childDescriptors(context, 'inherit'));
      log('host after', flags());
      log('child', await childDescriptors(context, ['ignore', 'ignore', 'ignore', 0, 1, 2]));
    },
  },

  'a nonblocking socket given to a child': async (context) => {
    const { log } = context;
    const [left, right] = await socketPair();
    const fd = (left as unknown as { _handle: { fd: number } })._handle.fd;
    const flags = () => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/flags:.*/)?.[0];
    log('before', flags());
    log('at 4', await childDescriptors(context, ['ignore', 'ignore', 'ignore', 'ignore', fd]));
    log('between', flags());
    log('at 1', await childDescriptors(context, ['ignore', fd, 'ignore']));
    log('after', flags());
    left.destroy();
    right.destroy();
  },

  'streams of files': async (context) => {
    const { cp, dir, log, follow } = context;
    writeFileSync(join(dir, 'in'), 'through streams\n');
    const input = createReadStream(join(dir, 'in'));
    const out = createWriteStream(join(dir, 'out'));
    await Promise.all([once(input, 'open'), once(out, 'open')]);
    await follow(cp.spawn('cat', { stdio: [input, out, out] }));
    log('streams', input.destroyed, out.destroyed, out.writable);
    input.destroy();
    out.end();
    await once(out, 'close');
    log('out', readFileSync(join(dir, 'out'), 'utf8'));
  },

  'a file handle': async ({ cp, dir, log, follow }) => {
    const handle = await open(join(dir, 'out'), 'w');
    await follow(cp.spawn('echo', ['to a handle'], { stdio: ['ignore', handle as never, 'ignore'] }));
    await handle.close();
    log('out', readFileSync(join(dir, 'out'), 'utf8'));
  },

  'an object with a descriptor': async ({ cp, dir, log, follow }) => {
    const fd = openSync(join(dir, 'out'), 'w');
    await follow(cp.spawn('echo', ['to an object'], { stdio: ['ignore', { fd } as never, 'ignore'] }));
    closeSync(fd);
    log('out', readFileSync(join(dir, 'out'), 'utf8'));
  },

  'a connected socket': async (context) => {
    const { cp, log, follow } = context;
    const [left, right] = await socketPair();
    const read = text(right);
    log('descriptors', await childDescriptors(context, [left, 'ignore', 'ignore', left]));
    await follow(cp.spawn('echo', ['to a socket'], { stdio: ['ignore', left, left] }));
    log('left', left.destroyed, left.readable, left.writable);
    left.end();
    log('right', await read);
  },

  'a connected socket as stdin': async ({ cp, follow }) => {
    const [left, right] = await socketPair();
    const child = cp.spawn('sh', ['-c', 'read line; echo "got $line"'], { stdio: [left, 'pipe', 'inherit'] });
    right.write('a line\n');
    await follow(child);
    left.destroy();
    right.destroy();
  },

  'the stdout of one child as the stdin of another': async ({ cp, follow }) => {
    const first = cp.spawn('sh', ['-c', 'echo one; echo two'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const second = cp.spawn('tr', ['a-z', 'A-Z'], { stdio: [first.stdout, 'pipe', 'inherit'] });
    const firstEnd = once(first, 'exit');
    await follow(second, 'second');
    await firstEnd;
    first.stdout.destroy();
  },

  'the stdin of one child as the stdout of another': async ({ cp, follow, log }) => {
    const second = cp.spawn('tr', ['a-z', 'A-Z'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = follow(second, 'second');
    const first = cp.spawn('echo', ['hello'], { stdio: ['ignore', second.stdin, 'inherit'] });
    log('first', await once(first, 'close'));
    second.stdin.end();
    await ended;
  },

  'pipe() from one child to another': async ({ cp, follow }) => {
    const first = cp.spawn('seq', ['2000']);
    const second = cp.spawn('sort', ['-rn']);
    first.stdout.pipe(second.stdin);
    await Promise.all([follow(first, 'first'), follow(second, 'second')]);
  },

  'a pipe past the third works both ways': async ({ cp, log, follow }) => {
    const child = cp.spawn('sh', ['-c', 'read line <&4; echo "got $line" >&4; cat <&5 >&4'], {
      stdio: ['ignore', 'ignore', 'inherit', 'ignore', 'pipe', 'pipe'],
    });
    const ended = follow(child);
    (child.stdio[4] as Writable).write('a line\n');
    ((child.stdio as unknown[])[5] as Writable).end('the rest');
    await ended;
    log('stdin', child.stdin, child.stdout, child.stderr);
  },

  '10 MB through cat come back unchanged': async ({ cp, log }) => {
    const child = cp.spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
    const sent = Buffer.alloc(10_000_000, 'abcdefghij\n\0\xff');
    const received = buffer(child.stdout);
    child.stdin.end(sent);
    log('same', (await received).equals(sent));
    await once(child, 'close');
  },

  '10 MB of output and of errors at once': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'head -c 10000000 /dev/zero & head -c 9000000 /dev/zero >&2; wait']);
    const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'close')]);
    log('lengths', out.length, err.length);
  },

  'output that nobody ever reads does not keep close': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'echo unread; echo unread >&2']);
    await once(child, 'close');
    log('close', child.stdout.destroyed, child.stdout.read());
  },

  'writing to a child that closed its stdin fails with EPIPE': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'exec <&-; echo closed; exec sleep 60'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    child.stdin.on('error', (error) => log('error', error));
    child.stdin.on('close', () => log('close'));
    child.stdin.write('hello', (error) => log('written', error));
    await new Promise((resolve) => child.stdin.once('close', resolve));
    log('stdin', child.stdin.destroyed, child.exitCode);
    child.kill();
    await once(child, 'close');
  },

  'writing to a child that has died': async ({ cp, log }) => {
    const child = cp.spawn('true', { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.on('error', (error) => log('error', error));
    await once(child, 'close');
    log('writable', child.stdin.writable, child.stdin.destroyed);
    child.stdin.write('hello', (error) => log('written', error));
    await new Promise((resolve) => setImmediate(resolve));
  },

  'a large write to a child that dies without reading it': async ({ cp, log }) => {
    const child = cp.spawn('sleep', ['60'], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.on('error', (error: NodeJS.ErrnoException) => log('error', error.code));
    const written = new Promise<void>((resolve) => {
      child.stdin.write(Buffer.alloc(4_000_000), (error) => {
        log('written', error instanceof Error);
        resolve();
      });
    });
    child.kill('SIGKILL');
    await Promise.all([written, once(child, 'close')]);
  },

  'the end of stdin is seen by the child': async ({ cp, follow }) => {
    const child = cp.spawn('wc', ['-c']);
    const ended = follow(child);
    child.stdin.write('four');
    child.stdin.end('five5');
    await ended;
  },

  'stdin that is destroyed is seen as its end': async ({ cp, follow }) => {
    const child = cp.spawn('wc', ['-c']);
    const ended = follow(child);
    child.stdin.destroy();
    await ended;
  },

  'stdout that is destroyed gives the child SIGPIPE': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'read line; exec yes'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.end('go\n');
    log('close', await once(child, 'close'));
  },

  'encodings, pausing and async iteration': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'printf "\\303"; sleep 0.01; printf "\\251\\n"; echo last']);
    child.stdout.setEncoding('utf8');
    child.stderr.resume();
    let all = '';
    for await (const chunk of child.stdout) all += chunk;
    log('text', all);
    const paused = cp.spawn('sh', ['-c', 'seq 5']);
    paused.stdout.pause();
    await once(paused, 'exit');
    log('flowing', paused.stdout.readableFlowing);
    paused.stdout.resume();
    await once(paused, 'close');
  },

  'no other descriptor of the host reaches the child': async (context) => {
    const { dir, log } = context;
    const fds = Array.from({ length: 30 }, (_, index) => openSync(join(dir, `f${index}`), 'w'));
    const server = createServer().listen(0);
    await once(server, 'listening');
    log('descriptors', await childDescriptors(context, 'ignore'));
    log('descriptors', await childDescriptors(context, ['pipe', 'pipe', 'pipe', 'pipe']));
    server.close();
    for (const fd of fds) closeSync(fd);
  },

  'what the host opened before Node started does reach the child': {
    alone: true,
    wrapper: ['bash', '-c', 'exec 5</dev/null 33>/dev/null; exec "$@"', 'sh'],
    run: async (context) => {
      context.log('ignore', await childDescriptors(context, 'ignore'));
      context.log('pipe', await childDescriptors(context, ['pipe', 'pipe', 'pipe', 'pipe']));
      context.log('given', await childDescriptors(context, ['ignore', 5, 'ignore', 33]));
    },
  },

  'a host without standard streams': {
    alone: true,
    wrapper: ['sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh'],
    run: async (context) => {
      context.log('inherit', await childDescriptors(context, 'inherit'));
      context.log('pipe', await childDescriptors(context, 'pipe'));
      context.log('output', await output(context, 'echo hello'));
    },
  },

  'a shared file offset': async ({ cp, dir, log }) => {
    const path = join(dir, 'shared');
    const fd = openSync(path, 'w+');
    writeSync(fd, 'host one\n');
    await once(cp.spawn('echo', ['child'], { stdio: ['ignore', fd, 'ignore'] }), 'close');
    writeSync(fd, 'host two\n');
    log('file', readFileSync(path, 'utf8'), fstatSync(fd).size);
    const place = Buffer.alloc(9);
    log('read', readSync(fd, place, 0, 9, 0), place);
    closeSync(fd);
  },

  'the order in which pipes are closed by the child': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'exec 2>&-; read a; exec >&-; read b; exec 3>&-; read c'], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    for (const index of [2, 1, 3]) {
      const stream = child.stdio[index] as Readable;
      stream.resume();
      stream.on('close', () => log(`close ${index}`));
      await once(stream, 'end');
      log(`end ${index}`);
      child.stdin.write('next\n');
    }
    log('close', await once(child, 'close'));
  },
};

function describeStream(stream: unknown) {
  if (!(stream instanceof Socket)) return stream === undefined ? 'undefined' : stream;
  const { readable, writable, destroyed, allowHalfOpen } = stream;
  const handle = (stream as unknown as { _handle: { constructor: { name: string } } | null })._handle;
  return [stream.constructor.name, readable, writable, destroyed, allowHalfOpen, handle?.constructor.name];
}

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: false }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect(port, '127.0.0.1');
  const [[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  return [client, accepted];
}
