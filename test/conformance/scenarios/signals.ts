import { once } from 'node:events';
import { constants } from 'node:os';
import { blockUntil, closed, isDead } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

export const subject: Subject = {
  'kill of a live child': async ({ cp, log, follow }) => {
    const child = cp.spawn('cat');
    const ended = follow(child);
    log('killed', child.killed);
    log('kill', child.kill(), child.killed, child.signalCode);
    log('kill again', child.kill(), child.killed);
    await ended;
    log('later', child.kill(), child.killed, child.signalCode, child.exitCode);
  },

  'kill with each kind of signal': async ({ cp, attempt, log }) => {
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 9, 15, '9', 34, 64]) {
      const child = cp.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
      attempt(`kill ${signal}`, () => child.kill(signal as NodeJS.Signals));
      attempt('killed', () => child.killed);
      if (!child.killed) child.kill('SIGKILL');
      log('close', await once(child, 'close'));
    }
  },

  'kill with what is no signal': async ({ cp, attempt }) => {
    const child = cp.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    for (const signal of [
      'SIGNOTHING',
      'sigterm',
      '',
      'TERM',
      -1,
      65,
      999,
      1.5,
      Number.NaN,
      {},
      [],
      true,
      null,
    ]) {
      attempt(`kill ${JSON.stringify(signal)}`, () => child.kill(signal as NodeJS.Signals));
    }
    attempt('killed', () => child.killed);
    child.kill('SIGKILL');
    await once(child, 'close');
  },

  'kill with 0': async ({ cp, log }) => {
    const child = cp.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    log('alive', child.kill(0), child.killed);
    child.stdin.end();
    await once(child, 'close');
    log('dead', child.kill(0), child.killed);
  },

  'kill of a child that is dead but not yet told': async ({ cp, log, follow }) => {
    const child = cp.spawn('sh', ['-c', 'exit 3'], { stdio: 'ignore' });
    const ended = follow(child);
    blockUntil(() => isDead(child.pid));
    log('kill', child.kill(), child.killed, child.kill(0), child.kill('SIGKILL'), child.exitCode);
    await ended;
  },

  'kill inside the listeners of exit and close': async ({ cp, log }) => {
    const child = cp.spawn('true', { stdio: 'ignore' });
    child.on('exit', () => log('exit', child.kill(), child.killed));
    child.on('close', () => log('close', child.kill(), child.killed));
    await once(child, 'close');
  },

  'kill of a child of another user': {
    alone: true,
    needsRoot: true,
    run: async ({ cp, log, attempt }) => {
      const child = cp.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
      child.on('error', (error) => log('error', error));
      process.setuid?.(65534);
      attempt('kill', () => child.kill());
      attempt('kill 0', () => child.kill(0));
      attempt('killed', () => child.killed);
      child.stdin.end();
      log('close', await closed(child));
    },
  },

  'process.kill of a child': async ({ cp, log }) => {
    const child = cp.spawn('cat');
    child.stdout.resume();
    child.stderr.resume();
    process.kill(child.pid as number, 'SIGUSR2');
    log('close', await once(child, 'close'), child.killed);
  },

  'a signal that the child handles': async ({ cp, log, follow }) => {
    const child = cp.spawn('sh', [
      '-c',
      'trap "echo got it; exit 8" TERM; echo ready; while :; do sleep 0.02; done',
    ]);
    const ended = follow(child);
    await once(child.stdout, 'data');
    log('kill', child.kill());
    await ended;
  },

  'a signal that the child ignores': async ({ cp, log, follow }) => {
    const child = cp.spawn('sh', ['-c', 'trap "" TERM INT; echo ready; read line; exit 2']);
    const ended = follow(child);
    await once(child.stdout, 'data');
    log('kill', child.kill(), child.kill('SIGINT'), child.killed, child.signalCode);
    child.stdin.end();
    await ended;
  },

  'a signal to the group of a detached child': async ({ cp, log }) => {
    const child = cp.spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
    process.kill(-(child.pid as number), 'SIGINT');
    log('close', await once(child, 'close'));
  },

  'Symbol.dispose': async ({ cp, log, follow }) => {
    const child = cp.spawn('cat');
    const dispose = (child as unknown as Record<symbol, () => void>)[Symbol.dispose];
    log('dispose', typeof dispose);
    const ended = follow(child);
    if (dispose) dispose.call(child);
    else child.kill();
    log('killed', child.killed);
    await ended;
    dispose?.call(child);
  },

  'an AbortSignal that is aborted already': async ({ cp, log }) => {
    for (const reason of [undefined, new Error('my reason'), 'text']) {
      const child = cp.spawn('sleep', ['60'], { signal: AbortSignal.abort(reason), stdio: 'ignore' });
      log('returned', typeof child.pid, child.killed);
      child.on('spawn', () => log('spawn'));
      child.on('error', (error) => log('error', error, (error as Error).cause, child.killed));
      child.on('exit', (...values) => log('exit', ...values));
      log('close', await closed(child));
    }
  },

  'an AbortSignal that is aborted later': async ({ cp, log, follow }) => {
    const controller = new AbortController();
    const child = cp.spawn('cat', { signal: controller.signal });
    const ended = follow(child);
    await once(child, 'spawn');
    controller.abort();
    log('aborted', child.killed, child.signalCode);
    await ended;
    log('again', child.killed);
  },

  'an AbortSignal with killSignal': async ({ cp, log, follow }) => {
    for (const killSignal of ['SIGKILL', 'SIGUSR1', 9] as const) {
      const controller = new AbortController();
      const child = cp.spawn('cat', { signal: controller.signal, killSignal });
      const ended = follow(child, String(killSignal));
      controller.abort(new Error('reason'));
      log('killed', child.killed);
      await ended;
    }
  },

  'an AbortSignal that is aborted after the exit': async ({ cp, log, follow }) => {
    const controller = new AbortController();
    const child = cp.spawn('true', { signal: controller.signal });
    await follow(child);
    controller.abort();
    await new Promise((resolve) => setImmediate(resolve));
    log('killed', child.killed);
  },

  'an AbortSignal and a program that is missing': async ({ cp, follow }) => {
    const controller = new AbortController();
    const child = cp.spawn('/no/such', { signal: controller.signal });
    const ended = follow(child);
    controller.abort();
    await ended;
  },

  'what is no AbortSignal': ({ cp, attempt }) => {
    for (const signal of [5, 'text', {}, { aborted: false }, new AbortController(), null]) {
      attempt('signal', () => cp.spawn('true', { signal: signal as never, stdio: 'ignore' }));
    }
  },

  'a timeout kills the child': async ({ cp, follow, log }) => {
    const child = cp.spawn('cat', { timeout: 20 });
    await follow(child);
    log('killed', child.killed);
  },

  'a timeout with killSignal': async ({ cp, follow }) => {
    await follow(cp.spawn('cat', { timeout: 20, killSignal: 'SIGKILL' }), 'name');
    await follow(cp.spawn('cat', { timeout: 20, killSignal: 10 }), 'number');
  },

  'a timeout that is not reached': async ({ cp, follow, log }) => {
    const child = cp.spawn('true', { timeout: 60_000 });
    await follow(child);
    log('killed', child.killed);
    await follow(cp.spawn('true', { timeout: 0 }), 'zero');
  },

  'a timeout of a child that ignores it': async ({ cp, follow, log }) => {
    const child = cp.spawn('sh', ['-c', 'trap "" TERM; echo ready; read line; exit 5'], { timeout: 200 });
    const ended = follow(child);
    const check = setInterval(() => {
      if (!child.killed) return;
      clearInterval(check);
      log('killed', child.signalCode);
      child.stdin.end();
    }, 5);
    await ended;
  },

  'the names and numbers of all signals': async ({ cp, log }: Context) => {
    const deaths = Object.entries(constants.signals)
      .filter(([name]) => !/CHLD|CLD|CONT|STOP|TSTP|TTIN|TTOU|URG|WINCH/.test(name))
      .map(async ([name]) => {
        const child = cp.spawn('sleep', ['60'], { stdio: 'ignore' });
        child.kill(name as NodeJS.Signals);
        return [name, await once(child, 'close')];
      });
    log('deaths', await Promise.all(deaths));
  },
};
