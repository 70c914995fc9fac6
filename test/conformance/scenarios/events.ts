import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { blockUntil, isDead, readStat, runUntil } from '../proc.js';
import type { Subject } from '../scenario.js';

const signals = (
  'SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM ' +
  'SIGSTKFLT SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGIO SIGPWR SIGSYS'
).split(' ');

export const subject: Subject = {
  'spawn is emitted after spawn returned, before later ticks': async ({ cp, log, follow }) => {
    process.nextTick(() => log('tick queued before'));
    const child = cp.spawn('true');
    log('returned', typeof child.pid, child.connected, child.exitCode, child.signalCode, child.killed);
    child.once('spawn', () => {
      log('spawn');
      process.nextTick(() => log('tick from spawn'));
      queueMicrotask(() => log('microtask from spawn'));
    });
    queueMicrotask(() => log('microtask queued after'));
    process.nextTick(() => log('tick queued after'));
    setImmediate(() => log('immediate'));
    await follow(child);
  },

  'without streams close follows exit in the same turn': async ({ cp, log }) => {
    const child = cp.spawn('true', { stdio: 'ignore' });
    child.once('exit', (...values) => {
      log('exit', ...values);
      process.nextTick(() => log('tick from exit'));
      queueMicrotask(() => log('microtask from exit'));
    });
    child.once('close', (...values) => {
      log('close', ...values);
      process.nextTick(() => log('tick from close'));
      queueMicrotask(() => log('microtask from close'));
    });
    await once(child, 'close');
    await turn();
  },

  'each stream gives its data, then end, then close': async ({ cp, follow }) => {
    await follow(cp.spawn('sh', ['-c', 'echo out; echo err >&2; echo out again']));
  },

  'the exit code is passed on': async ({ cp, follow }) => {
    await Promise.all(
      [0, 1, 3, 127, 128, 255, 256, 300].map((code) =>
        follow(cp.spawn('sh', ['-c', `exit ${code}`], { stdio: 'ignore' }), `exit ${code}`),
      ),
    );
  },

  'death by each signal is told by name': async ({ cp, log, follow }) => {
    await Promise.all(
      signals.map(async (signal) => {
        const child = cp.spawn('sleep', ['60'], { stdio: 'ignore' });
        const ended = follow(child, signal);
        process.kill(child.pid as number, signal);
        await ended;
      }),
    );
    log('done');
  },

  'death by a realtime signal': async ({ cp, follow }) => {
    await Promise.all(
      [34, 35, 50, 64].map((signal) =>
        follow(cp.spawn('sh', ['-c', `kill -${signal} $$`]), `signal ${signal}`),
      ),
    );
  },

  'the listeners of exit and close see the same state': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'exit 7']);
    const state = () => {
      const { exitCode, signalCode, killed, connected, pid } = child;
      const handle = (child as unknown as { _handle: unknown })._handle;
      return [exitCode, signalCode, killed, connected, typeof pid, handle === null];
    };
    log('running', ...state());
    for (const event of ['spawn', 'exit', 'close']) {
      child.on(event, function (this: unknown, ...values) {
        log(event, this === child, values, ...state());
      });
    }
    await once(child, 'close');
  },

  'a child is reaped before its exit is told': async ({ cp, log, attempt }) => {
    const child = cp.spawn('true', { stdio: 'ignore' });
    blockUntil(() => isDead(child.pid));
    attempt('kill before', () => process.kill(child.pid as number, 0));
    await once(child, 'exit');
    try {
      process.kill(child.pid as number, 0);
      log('still there');
    } catch (error) {
      log('after', (error as NodeJS.ErrnoException).code);
    }
  },

  'stopping and continuing a child is no exit': async ({ cp, log, follow }) => {
    const child = cp.spawn('sleep', ['60']);
    const ended = follow(child);
    await once(child, 'spawn');
    log('stop', child.kill('SIGSTOP'));
    await runUntil(() => readStat(child.pid)(3) === 'T');
    log('stopped', child.exitCode, child.signalCode, child.killed);
    log('continue', child.kill('SIGCONT'));
    await runUntil(() => readStat(child.pid)(3) === 'S');
    log('terminate', child.kill());
    await ended;
  },

  'what a child wrote before it died is read before its exit is told': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'echo last words; exit 3']);
    child.stdout.on('data', (chunk) => log('data', String(chunk)));
    child.stdout.on('end', () => log('end'));
    child.on('exit', (...values) => log('exit', ...values));
    child.on('close', (...values) => log('close', ...values));
    blockUntil(() => isDead(child.pid));
    await once(child, 'close');
  },

  'children that die together are told in the order in which they were started': async ({ cp, log }) => {
    const children = Array.from({ length: 8 }, () => cp.spawn('sleep', ['60'], { stdio: 'ignore' }));
    const closed = children.map((child, index) => {
      child.on('exit', (...values) => log(`exit ${index}`, ...values));
      return once(child, 'close');
    });
    for (const index of [5, 2, 7, 0, 3, 6, 1, 4]) {
      const child = children[index];
      child?.kill('SIGKILL');
      blockUntil(() => isDead(child?.pid));
    }
    await Promise.all(closed);
  },

  'ticks and microtasks run between the exits of children that die together': async ({ cp, log }) => {
    const children = [1, 2].map(() => cp.spawn('true', { stdio: 'ignore' }));
    const closed = children.map((child, index) => {
      child.on('exit', () => {
        log(`exit ${index}`);
        process.nextTick(() => log(`tick ${index}`));
        queueMicrotask(() => log(`microtask ${index}`));
      });
      return once(child, 'close');
    });
    blockUntil(() => children.every((child) => isDead(child.pid)));
    await Promise.all(closed);
    await turn();
  },

  'timers and immediates keep their place around an exit': async ({ cp, log }) => {
    const child = cp.spawn('true', { stdio: 'ignore' });
    child.on('exit', () => {
      log('exit');
      setImmediate(() => log('immediate from exit'));
    });
    blockUntil(() => isDead(child.pid));
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        log('immediate before the poll');
        setImmediate(() => {
          log('immediate after the poll');
          setImmediate(resolve);
        });
      });
    });
  },

  'a child that outlives its stdout closes it early and exits late': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'echo hello; exec >&- 2>&-; read line; exit 4']);
    child.stdout.on('data', (chunk) => log('data', String(chunk)));
    child.stdout.on('end', () => log('end'));
    child.stdout.on('close', () => {
      log('stdout close');
      child.stdin.end('go\n');
    });
    child.stderr.resume();
    child.on('exit', (...values) => log('exit', ...values));
    child.on('close', (...values) => log('close', ...values));
    await once(child, 'close');
  },

  'a grandchild that holds stdout delays close, not exit': async ({ cp, log }) => {
    const child = cp.spawn('sh', ['-c', 'exec 3<&0; { read line <&3; echo later; } & exit 5']);
    child.stdout.on('data', (chunk) => log('data', String(chunk)));
    child.stdout.on('end', () => log('end'));
    child.stderr.resume();
    const grandchildInput = child.stdio[0];
    child.on('exit', (...values) => {
      log('exit', ...values, grandchildInput?.destroyed);
    });
    child.on('close', (...values) => log('close', ...values));
    await once(child, 'close');
  },

  'a grandchild that waits for more than stdin delays close until it ends': async ({ cp, log, dir }) => {
    const child = cp.spawn('sh', ['-c', 'mkfifo f; { read line <f; echo later; } & exit 5'], { cwd: dir });
    child.stdout.on('data', (chunk) => log('data', String(chunk)));
    child.stdout.on('end', () => log('end'));
    child.stderr.resume();
    child.on('exit', (...values) => {
      log('exit', ...values);
      setTimeout(() => {
        log('still open', child.stdout.closed);
        cp.spawn('sh', ['-c', 'echo go >f'], { cwd: dir });
      }, 20);
    });
    child.on('close', (...values) => log('close', ...values));
    await once(child, 'close');
  },

  'an error thrown by an exit listener is uncaught': async ({ cp, log }) => {
    const child = cp.spawn('true', { stdio: 'ignore' });
    const uncaught = once(process, 'uncaughtException');
    child.on('exit', () => {
      log('exit');
      throw new Error('from exit');
    });
    child.on('close', () => log('close'));
    log('uncaughtException', ...(await uncaught));
    await turn();
    await turn();
    log('state', child.exitCode, (child as unknown as { _handle: unknown })._handle === null);
  },

  'an error thrown by an exit listener does not keep the exit of another child': async ({ cp, log }) => {
    const children = [0, 1].map(() => cp.spawn('true'));
    const caught = new Promise((resolve) => {
      process.once('uncaughtException', (error) => resolve(log('uncaughtException', error)));
    });
    const closed = children.map((child, index) => {
      for (const stream of [child.stdout, child.stderr]) stream.resume();
      child.on('exit', () => {
        log(`exit ${index}`);
        if (index === 0) throw new Error('from exit');
      });
      return once(child, 'close').then(() => log(`close ${index}`));
    });
    blockUntil(() => children.every((child) => isDead(child.pid)));
    await Promise.all([caught, closed[1]]);
  },

  'an error thrown by a close listener is uncaught': async ({ cp, log }) => {
    const child = cp.spawn('true');
    child.stdout.resume();
    child.stderr.resume();
    child.on('close', () => {
      throw new Error('from close');
    });
    const [error, origin] = await new Promise<unknown[]>((resolve) => {
      process.once('uncaughtException', (...values) => resolve(values));
    });
    log('uncaughtException', error, origin);
    log('state', child.exitCode);
  },

  'an error event without a listener is uncaught': async ({ cp, log }) => {
    const uncaught = new Promise<unknown[]>((resolve) => {
      process.once('uncaughtException', (...values) => resolve(values));
    });
    cp.spawn('/nowhere/at/all');
    log('uncaughtException', ...(await uncaught));
  },

  'spawn works inside an exit listener': async ({ cp, log, follow }) => {
    const first = cp.spawn('sh', ['-c', 'exit 1']);
    await new Promise<void>((resolve) => {
      first.on('exit', () => {
        const second = cp.spawn('sh', ['-c', 'echo second; exit 2']);
        log('second', typeof second.pid);
        resolve(follow(second, 'second'));
      });
    });
  },

  'spawn inside the exit listeners of hundreds of children': {
    alone: true,
    // Freed memory is overwritten: what is still linked to it then brings the host down at once.
    wrapper: ['env', 'MALLOC_PERTURB_=165'],
    run: async ({ cp, log }) => {
      let started = 0;
      const chain = async (): Promise<void> => {
        if (++started > 400) return;
        const child = cp.spawn('true');
        child.stdout.resume();
        child.stderr.resume();
        await new Promise<void>((resolve) => child.on('exit', () => resolve(chain())));
      };
      await Promise.all([1, 2, 3, 4].map(chain));
      log('started', started);
    },
  },

  'removing a listener inside an exit listener is honored': async ({ cp, log }) => {
    const child = cp.spawn('true', { stdio: 'ignore' });
    const never = () => log('never');
    child.once('exit', () => {
      log('exit');
      child.removeListener('close', never);
    });
    child.on('close', never);
    await once(child, 'close');
    await turn();
  },

  'each of 200 children exits and closes once': async ({ cp, log }) => {
    const counts = { spawn: 0, exit: 0, close: 0 };
    const children = Array.from({ length: 200 }, (_, index) => {
      const child = cp.spawn('sh', ['-c', `exit ${index}`], { stdio: index % 2 ? 'pipe' : 'ignore' });
      child.stdout?.resume();
      child.stderr?.resume();
      for (const event of ['spawn', 'exit', 'close'] as const) child.on(event, () => counts[event]++);
      return child;
    });
    await Promise.all(children.map((child) => once(child, 'close')));
    await turn();
    log('codes', children.map((child) => child.exitCode).join(' '));
    log('counts', counts);
  },

  'SIGCHLD arrives at the host': async ({ cp, log }) => {
    const seen = once(process, 'SIGCHLD');
    const child = cp.spawn('true', { stdio: 'ignore' });
    const signal = readStat(child.pid)(38);
    await once(child, 'close');
    log('SIGCHLD', (await seen)[0], signal);
  },

  'SIGCHLD arrives at the host when a child stops, too': async ({ cp, log }) => {
    const child = cp.spawn('sleep', ['60'], { stdio: 'ignore' });
    const seen = once(process, 'SIGCHLD');
    child.kill('SIGSTOP');
    log('SIGCHLD', (await seen)[0], child.exitCode);
    child.kill('SIGKILL');
    await once(child, 'close');
  },

  'the host is the parent of its child': async ({ cp, log }) => {
    const child = cp.spawn('sleep', ['60'], { stdio: 'ignore' });
    log('parent', readStat(child.pid)(4) === String(process.pid));
    child.kill();
    await once(child, 'close');
  },

  'a child that execs another program is still the same child': async ({ cp, follow }) => {
    await follow(cp.spawn('sh', ['-c', 'exec sh -c "echo second; exit 9"']));
  },

  'listeners added after the exit hear nothing': async ({ cp, log }) => {
    const child = cp.spawn('true');
    child.stdout.resume();
    child.stderr.resume();
    await once(child, 'close');
    for (const event of ['spawn', 'exit', 'close']) child.on(event, () => log(event));
    await turn();
    log('after', child.listenerCount('exit'), child.eventNames().map(String));
  },
};
