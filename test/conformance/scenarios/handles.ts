import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { exited } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

export const subject: Subject = {
  'a TCP server': async (context) => {
    const { log } = context;
    const child = start(context);
    const server = createServer((socket) => socket.end('from the host'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    log('answer', await ask(child, 'server', server));
    server.close();
    log('read', await text(connect(port, '127.0.0.1')));
    await kill(child);
  },

  'a TCP socket': async (context) => {
    const { log } = context;
    const child = start(context);
    const [near, far] = await socketPair();
    const read = text(far);
    log('answer', await ask(child, 'socket', near));
    log('near', near.destroyed);
    log('read', await read);
    await kill(child);
  },

  'a TCP socket that stays open here': async (context) => {
    const { log } = context;
    const child = start(context);
    const [near, far] = await socketPair();
    log('answer', await ask(child, 'socket', near, { keepOpen: true }));
    log('near', near.destroyed, near.writable);
    near.destroy();
    far.destroy();
    await kill(child);
  },

  'a TCP socket that the child talks through': async (context) => {
    const { log } = context;
    const child = start(context);
    const [near, far] = await socketPair();
    log('answer', await ask(child, 'talk', near));
    far.write('hello');
    log('data', String((await once(far, 'data'))[0]));
    far.destroy();
    await kill(child);
  },

  'several sockets in a row': async (context) => {
    const child = start(context);
    const pairs = await Promise.all(Array.from({ length: 5 }, socketPair));
    const reads = pairs.map(([, far]) => text(far));
    for (const [near] of pairs) child.send('socket', near);
    context.log('reads', await Promise.all(reads));
    await kill(child);
  },

  // Closing it here would remove its path, so both sides accept, and both answer the same.
  'a Unix server': async (context) => {
    const { log, dir } = context;
    const child = start(context);
    const server = createServer((socket) => socket.end('from the child'));
    server.listen(join(dir, 'socket'));
    await once(server, 'listening');
    log('answer', await ask(child, 'server', server));
    log('read', await text(connect(join(dir, 'socket'))));
    server.close();
    await kill(child);
  },

  'a Unix socket': async (context) => {
    const { log, dir } = context;
    const child = start(context);
    const server = createServer().listen(join(dir, 'socket'));
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const far = connect(join(dir, 'socket'));
    const [near] = await accepted;
    const read = text(far);
    log('answer', await ask(child, 'socket', near));
    log('read', await read);
    server.close();
    await kill(child);
  },

  'a raw handle': async (context) => {
    const child = start(context);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const handle = (server as unknown as { _handle: Server })._handle;
    context.log('answer', await ask(child, 'raw server', handle));
    server.close();
    await kill(child);
  },

  'a UDP socket': async (context) => {
    const { log } = context;
    const child = start(context);
    const near = createSocket('udp4').bind(0, '127.0.0.1');
    const far = createSocket('udp4').bind(0, '127.0.0.1');
    await Promise.all([once(near, 'listening'), once(far, 'listening')]);
    const { port } = near.address();
    log('answer', await ask(child, 'dgram', near));
    near.close();
    far.send('packet', port, '127.0.0.1');
    log('packet', String((await once(far, 'message'))[0]));
    far.close();
    await kill(child);
  },

  'a server of the child': async (context) => {
    const { log } = context;
    const child = start(context);
    child.send('connect');
    const [message, server] = (await once(child, 'message')) as [string, Server];
    server.on('connection', (socket) => socket.end('from the host'));
    log('message', message, server.constructor.name, server.listening);
    const { port } = server.address() as { port: number };
    log('read', await text(connect(port, '127.0.0.1')));
    server.close();
    await kill(child);
  },

  'a socket of the child': async (context) => {
    const { log } = context;
    const child = start(context);
    const [, port] = (await ask(child, 'send a socket')) as [string, number];
    const received = once(child, 'message') as Promise<[string, Socket]>;
    const far = connect(port, '127.0.0.1');
    const [message, socket] = await received;
    log('message', message, socket.constructor.name, socket.writable);
    const read = text(far);
    socket.end('from the host');
    log('read', await read);
    await kill(child);
  },

  'a socket that is closed before it is sent': async (context) => {
    const { attempt, log } = context;
    const child = start(context);
    const [near, far] = await socketPair();
    near.destroy();
    far.destroy();
    const answer = once(child, 'message');
    attempt('send', () => child.send('socket', near, (error) => log('sent', error)));
    log('answer', (await answer)[0]);
    await kill(child);
  },

  'a handle for a child that has let go': async (context) => {
    const { attempt, log } = context;
    const child = start(context);
    await ask(child, 'hello');
    child.disconnect();
    await kill(child);
    const [near, far] = await socketPair();
    attempt('send', () => child.send('socket', near, (error) => log('sent', error)));
    await new Promise((resolve) => setImmediate(resolve));
    log('near', near.destroyed);
    near.destroy();
    far.destroy();
  },

  'a socket with advanced serialization': async (context) => {
    const { log, cp, fixture } = context;
    const child = cp.fork(fixture('handles.cjs'), { serialization: 'advanced' });
    const [near, far] = await socketPair();
    const read = text(far);
    log('answer', await ask(child, 'socket', near));
    log('read', await read);
    await kill(child);
  },
};

function start({ cp, fixture }: Context) {
  return cp.fork(fixture('handles.cjs'));
}

async function ask(child: ChildProcess, message: string, handle?: unknown, options?: object) {
  const answer = once(child, 'message');
  child.send(message, handle as Socket, options as { keepOpen: boolean });
  return (await answer)[0];
}

async function kill(child: ChildProcess) {
  const ended = exited(child);
  child.kill('SIGKILL');
  await ended;
}

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const far = new Socket();
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  far.connect(port, '127.0.0.1');
  const [near] = await accepted;
  server.close();
  return [near, far];
}
