import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { closed, exited } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

const sh = ['ignore', 'pipe', 'inherit', 'ipc'] as const;

export const subject: Subject = {
  'json: values come back as JSON makes them': async (context) => {
    const child = start(context, 'json');
    const values = [
      1,
      'text',
      null,
      true,
      [1, [2]],
      { a: { b: undefined } },
      new Date(0),
      Number.NaN,
      '\u{1F600}\0\n',
    ];
    for (const value of values) context.log('echo', await ask(child, ['echo', value]));
    context.log('type', await ask(child, ['type', Buffer.from('x')]));
    context.log('type', await ask(child, ['type', new Map([[1, 2]])]));
    context.log('whole', await ask(child, 'a string'), await ask(child, 5), await ask(child, true));
    await end(child);
  },

  'advanced: values come back as they were': async (context) => {
    const child = start(context, 'advanced');
    const circular: Record<string, unknown> = { name: 'circular' };
    circular.self = circular;
    const values = [
      1n,
      new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 2])]]),
      new Date(0),
      /x/gi,
      Buffer.from('bytes'),
      new Uint16Array([1, 2, 3]),
      new ArrayBuffer(4),
      Number.NaN,
      undefined,
      new RangeError('an error'),
      [undefined, null],
      '\u{1F600}\0\n',
    ];
    for (const value of values) context.log('echo', await ask(child, ['echo', value]));
    for (const value of values) context.log('type', await ask(child, ['type', value]));
    const [, back] = (await ask(child, ['echo', circular])) as [string, typeof circular];
    context.log('circular', back.self === back);
    await end(child);
  },

  'what can not be sent': async (context) => {
    for (const serialization of ['json', 'advanced'] as const) {
      const child = start(context, serialization);
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      const values = [
        undefined,
        () => {},
        Symbol('x'),
        10n,
        circular,
        { f: () => {} },
        new WeakMap(),
        new Promise(() => {}),
      ];
      for (const value of values) context.attempt(serialization, () => child.send(value as never));
      context.attempt('no message', () => (child.send as unknown as () => void).call(child));
      context.attempt('callback', () => child.send('x', 5 as never));
      context.attempt('handle', () => child.send('x', {} as never));
      context.attempt('options', () => child.send('x', undefined, 5 as never));
      context.attempt('keepOpen', () => child.send('x', undefined, { keepOpen: 'x' as never }));
      await end(child);
    }
  },

  'large messages both ways': async (context) => {
    for (const serialization of ['json', 'advanced'] as const) {
      const child = start(context, serialization);
      const large = 'abc\u00e9'.repeat(500_000);
      const [, back] = (await ask(child, ['echo', large])) as string[];
      context.log(serialization, back === large);
      await end(child);
    }
  },

  'messages keep their order': async (context) => {
    for (const serialization of ['json', 'advanced'] as const) {
      const child = start(context, serialization);
      const seen: unknown[] = [];
      child.on('message', (message) => seen.push(message));
      child.send(['count', 500]);
      for (let number = 0; number < 500; number++) child.send(['echo', number]);
      while (seen.length < 1000) await once(child, 'message');
      context.log(
        serialization,
        seen.every((value, index) =>
          index < 500 ? value === index : (value as number[])[1] === index - 500,
        ),
      );
      await end(child);
    }
  },

  'the callback and the return value of send': async (context) => {
    const { log } = context;
    const child = start(context, 'json');
    await ask(child, ['echo']);
    log(
      'returned',
      child.send(['echo', 1], (error) => log('sent', error)),
    );
    process.nextTick(() => log('tick'));
    queueMicrotask(() => log('microtask'));
    await once(child, 'message');
    log(
      'with options',
      child.send(['echo', 1], undefined, {}, (error) => log('sent', error)),
    );
    await once(child, 'message');
    log(
      'handle null',
      child.send(['echo', 1], null as never, (error) => log('sent', error)),
    );
    await once(child, 'message');
    await end(child);
  },

  'a message that the child has not read holds up the channel': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'read line; exit 0'], {
      stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
    });
    const returned = Array.from({ length: 6 }, () => child.send('x'.repeat(200_000), () => {}));
    log('returned', returned);
    child.on('error', () => {});
    child.stdin?.end();
    await closed(child);
  },

  'the host lets go': async (context) => {
    const { log, follow } = context;
    const child = start(context, 'json');
    const ended = exited(child);
    follow(child);
    await ask(child, ['echo']);
    child.disconnect();
    log('returned', child.connected, child.channel === null);
    process.nextTick(() => log('tick'));
    child.on('disconnect', () => log('disconnect', child.connected));
    await ended;
  },

  'the child lets go': async (context) => {
    const { log, follow } = context;
    const child = start(context, 'json');
    const ended = follow(child);
    child.send(['disconnect']);
    child.on('disconnect', () => log('disconnect', child.connected, child.channel === null));
    await ended;
  },

  'the child lets go and lives on': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'exec 3>&-; read line; exit 6'], {
      stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
    });
    child.on('disconnect', () => log('disconnect', child.exitCode));
    child.on('exit', (...values) => log('exit', ...values));
    await once(child, 'disconnect');
    child.stdin?.end();
    await once(child, 'close');
  },

  'the host lets go and the child lives on': async (context) => {
    const { cp, log, fixture } = context;
    const child = cp.fork(fixture('ipc.cjs'), ['linger']);
    await ask(child, ['echo']);
    child.on('disconnect', () => log('disconnect'));
    child.on('exit', (...values) => log('exit', ...values));
    const ended = exited(child);
    child.disconnect();
    await ended;
  },

  'sending and letting go after the end': async (context) => {
    const { log, attempt } = context;
    const child = start(context, 'json');
    await ask(child, ['echo']);
    await end(child);
    child.on('error', (error) => log('error', error));
    attempt('send', () => child.send('x'));
    attempt('send with callback', () => child.send('x', (error) => log('callback', error)));
    attempt('disconnect', () => child.disconnect());
    await turn();
    attempt('state', () => [child.connected, child.channel]);
  },

  'sending right after letting go': async (context) => {
    const { log, attempt } = context;
    const child = start(context, 'json');
    await ask(child, ['echo']);
    attempt('first', () => child.send(['echo'], (error) => log('first sent', error)));
    child.disconnect();
    child.on('error', (error) => log('error', error));
    attempt('second', () => child.send('x', (error) => log('second sent', error)));
    attempt('third', () => child.send('x'));
    attempt('disconnect again', () => child.disconnect());
    await exited(child);
  },

  'a child that sends and exits at once': async (context) => {
    const child = start(context, 'json');
    const ended = context.follow(child);
    child.send(['send and exit', 21]);
    await ended;
  },

  'a child that is killed while connected': async (context) => {
    const { log, follow } = context;
    const child = start(context, 'json');
    const ended = follow(child);
    await ask(child, ['echo']);
    child.send(['crash', 'SIGSEGV']);
    await ended;
    log('state', child.connected, child.channel);
  },

  'ref and unref of the channel': async (context) => {
    const { log, attempt } = context;
    const child = start(context, 'json');
    await ask(child, ['echo']);
    attempt('unref', () => child.channel?.unref());
    attempt('ref', () => child.channel?.ref());
    log('names', Object.getOwnPropertyNames(Object.getPrototypeOf(child.channel)).sort());
    await end(child);
  },

  'a program that is no Node speaks JSON': async ({ cp, log }) => {
    const script =
      'echo "$NODE_CHANNEL_FD $NODE_CHANNEL_SERIALIZATION_MODE"; printf \'{"a":1}\\n"two"\\n\' >&3; read x <&3; echo "$x"';
    const child = cp.spawn('sh', ['-c', script], { stdio: [...sh] });
    child.on('message', (message) => {
      log('message', message);
      if (message === 'two') child.send({ hello: ['there', 1] });
    });
    child.on('disconnect', () => log('disconnect'));
    const printed: string[] = [];
    child.stdout?.on('data', (chunk) => printed.push(String(chunk)));
    await closed(child);
    log('printed', printed.join(''));
  },

  'the variables of a channel at each position': async ({ cp, log }) => {
    for (const stdio of [
      ['ignore', 'pipe', 'inherit', 'ipc'],
      ['ipc', 'pipe', 'inherit'],
      ['ignore', 'pipe', 'inherit', 'ignore', 'ignore', 'ipc'],
    ]) {
      for (const options of [{}, { env: { A: '1' } }, { serialization: 'advanced' as const }]) {
        const child = cp.spawn('/bin/sh', ['-c', 'tr "\\0" "\\n" </proc/$$/environ | /bin/grep NODE_; :'], {
          stdio: stdio as never,
          ...options,
        }) as unknown as ChildProcess;
        child.stdout?.on('data', (chunk) => log('variables', String(chunk)));
        await closed(child);
      }
    }
  },

  'what is no JSON': {
    alone: true,
    run: async ({ cp, log }) => {
      const uncaught = once(process, 'uncaughtException');
      const child = cp.spawn('sh', ['-c', 'echo "no json" >&3; read x <&3'], { stdio: [...sh] });
      const [error] = await uncaught;
      log('uncaughtException', (error as Error).name);
      process.on('uncaughtException', () => {});
      child.kill('SIGKILL');
      await closed(child);
    },
  },

  'internal messages': async (context) => {
    const { log } = context;
    const child = start(context, 'json');
    child.on('internalMessage', (message) => log('internalMessage', message));
    child.send({ cmd: 'NODE_SOMETHING', a: 1 });
    log('answer', await ask(child, ['echo', 'after']));
    await end(child);
  },

  'a channel that only a grandchild holds': async ({ cp, log }) => {
    const child = cp.spawn(
      'sh',
      ['-c', 'mkfifo "$0"; { read x <"$0"; echo "5" >&3; } & exit 0', `/tmp/procguard-${process.pid}`],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      },
    );
    for (const event of ['message', 'disconnect', 'exit', 'close'])
      child.on(event, (...values) => log(event, ...values));
    await once(child, 'exit');
    await once(cp.spawn('sh', ['-c', 'echo go >"$0"; rm "$0"', `/tmp/procguard-${process.pid}`]), 'exit');
    if (child.connected) await once(child, 'disconnect');
    await turn();
  },
};

function start({ cp, fixture }: Context, serialization: 'json' | 'advanced') {
  return cp.fork(fixture('ipc.cjs'), [], { serialization });
}

async function ask(child: ChildProcess, message: unknown) {
  const answer = once(child, 'message');
  child.send(message as string);
  return (await answer)[0];
}

async function end(child: ChildProcess) {
  const ended = exited(child);
  if (child.connected) child.disconnect();
  await ended;
}
