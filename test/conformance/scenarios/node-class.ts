import * as childProcess from 'node:child_process';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { closed } from '../proc.js';
import type { Context, Scenario, Subject } from '../scenario.js';

/** The class as Node's own modules use it: its types say that it is abstract and has no `spawn`. */
interface RawChild extends childProcess.ChildProcess {
  spawn(options: unknown): number;
}
const ChildProcess = childProcess.ChildProcess as unknown as new () => RawChild;

export const subject: Subject = {
  'new ChildProcess() and spawn()': forRegister(async ({ log, follow }) => {
    const child = new ChildProcess();
    log('made', child.pid, child.exitCode, child.connected, child instanceof EventEmitter);
    log('returned', child.spawn({ file: 'sh', args: ['sh', '-c', 'echo out; exit 3'] }), typeof child.pid);
    await follow(child);
  }),

  'spawn() with each option': forRegister(async ({ follow, attempt }) => {
    const script = 'echo "$0 $A"; pwd';
    for (const options of [
      { args: ['name', '-c', script], cwd: '/usr', envPairs: ['A=1', 'PWD=/x'] },
      { args: ['name', '-c', script], stdio: 'ignore' },
      { args: ['name', '-c', script], stdio: ['ignore', 'pipe', 'ignore', 'pipe'] },
      { args: ['name', '-c', script], detached: true, windowsHide: true },
      { args: undefined, stdio: 'ignore' },
      { args: ['sh', '-c', 'id -u'], uid: 0, gid: 0, envPairs: [] },
    ]) {
      const child = new ChildProcess();
      attempt('spawn', () => child.spawn({ file: '/bin/sh', ...options }));
      await follow(child, JSON.stringify(options));
    }
  }),

  'spawn() with bad options': forRegister(({ attempt }) => {
    for (const options of [undefined, null, 'text', 5, {}, { file: 5 }, { file: null }, { file: [] }, []]) {
      attempt(JSON.stringify(options) ?? 'undefined', () => new ChildProcess().spawn(options));
    }
    for (const options of [
      { args: 'text' },
      { args: 5 },
      { args: null },
      { envPairs: 'A=1' },
      { envPairs: {} },
      { envPairs: null },
      { stdio: 'nonsense' },
      { stdio: 5 },
      { serialization: 'nonsense', stdio: ['ipc'] },
      { cwd: 5 },
      { signal: 5 },
    ]) {
      const child = new ChildProcess();
      child.on('error', () => {});
      attempt(JSON.stringify(options), () => child.spawn({ file: 'true', ...options }));
    }
  }),

  'a child that was never started': forRegister(async ({ attempt, log }) => {
    const child = new ChildProcess();
    attempt('ref', () => child.ref());
    attempt('unref', () => child.unref());
    log('state', child.killed, child.pid);
  }),

  'spawn() of a program that is missing': forRegister(async ({ follow, attempt }) => {
    const child = new ChildProcess();
    attempt('spawn', () => child.spawn({ file: '/no/such/program', args: ['x'] }));
    await follow(child);
  }),

  'a class of one’s own': forRegister(async ({ follow, log }) => {
    class Mine extends ChildProcess {
      override emit(event: string, ...values: unknown[]): boolean {
        log(event, ...values);
        return super.emit(event as 'exit', ...(values as [number, NodeJS.Signals]));
      }
    }
    const child = new Mine();
    child.spawn({ file: 'true', stdio: 'ignore' });
    await follow(child);
  }),

  'the channel of diagnostics tells each child once': async ({ cp, log }) => {
    const seen = (message: unknown, name: string | symbol) => {
      const { process: child } = message as { process: childProcess.ChildProcess };
      log(
        'published',
        name,
        Object.keys(message as object),
        child instanceof childProcess.ChildProcess,
        child.pid,
      );
    };
    subscribe('child_process', seen);
    await closed(cp.spawn('true', { stdio: 'ignore' }));
    await new Promise<void>((resolve) => void cp.exec('true', () => resolve()));
    unsubscribe('child_process', seen);
    await closed(cp.spawn('true', { stdio: 'ignore' }));
    log('channel', channel('child_process').name);
  },

  'the tracing channels of a spawn': async ({ cp, log }) => {
    const names = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'].map(
      (name) => `tracing:child_process.spawn:${name}`,
    );
    const seen = (message: unknown, name: string | symbol) =>
      log(String(name), Object.keys(message as object).sort());
    for (const name of names) subscribe(name, seen);
    await closed(cp.spawn('true', { stdio: 'ignore' }));
    const missing = cp.spawn('/no/such/program', { stdio: 'ignore' });
    missing.on('error', () => {});
    await closed(missing);
    try {
      cp.spawn('true', ['x'.repeat(200_000)]);
    } catch {}
    for (const name of names) unsubscribe(name, seen);
  },

  'the synchronous functions are as they were': forRegister(({ log }) => {
    const { spawnSync, execSync, execFileSync } = childProcess;
    const { status, signal, stdout, output } = spawnSync('sh', ['-c', 'echo out; exit 3']);
    log('spawnSync', status, signal, stdout, output);
    log('execSync', execSync('echo out'));
    log('execFileSync', execFileSync('echo', ['out']));
    log('missing', spawnSync('/no/such/program').error);
  }),

  'a child that is made while another is being made': forRegister(async ({ log }) => {
    const made: RawChild[] = [];
    let nested = false;
    const nest = () => {
      if (nested) return;
      nested = true;
      const inner = new ChildProcess();
      made.push(inner);
      inner.spawn({ file: 'sh', args: ['sh', '-c', 'exit 4'], stdio: 'ignore' });
    };
    subscribe('child_process', nest);
    const outer = childProcess.spawn('sh', ['-c', 'exit 5'], { stdio: 'ignore' });
    unsubscribe('child_process', nest);
    log('closes', await Promise.all([...made, outer].map((child) => once(child, 'close'))));
  }),

  'without the permission to start children': {
    alone: true,
    nodeArgs: (major) => [
      major < 22 ? '--experimental-permission' : '--permission',
      '--allow-fs-read=*',
      '--allow-fs-write=*',
      '--allow-addons',
      '--no-warnings',
    ],
    run: async ({ cp, attempt, log }) => {
      attempt('spawn', () => cp.spawn('true', { stdio: 'ignore' }));
      attempt('spawn with streams', () => cp.spawn('true'));
      attempt('exec', () => cp.exec('true'));
      attempt('execFile', () => cp.execFile('true'));
      attempt('fork', () => cp.fork('x.js'));
      const { permission } = process as unknown as { permission: { has(scope: string): boolean } };
      log('permission', permission.has('child'));
    },
  },
};

function forRegister(run: (context: Context) => unknown): Scenario {
  return { run, registerOnly: true };
}
