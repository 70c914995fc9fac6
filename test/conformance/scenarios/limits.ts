import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { closed } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

const nobody = 65534;

export const subject: Subject = {
  'EMFILE at the first spawn': {
    alone: true,
    run: (context) => withoutDescriptors(context, () => spawnAll(context)),
  },

  'EMFILE at a later spawn, and again when descriptors are free': {
    alone: true,
    run: async (context) => {
      await spawnAll(context);
      await withoutDescriptors(context, () => spawnAll(context));
      await spawnAll(context);
    },
  },

  'EMFILE of exec, execFile and fork': {
    alone: true,
    run: async (context) => {
      const { cp, attempt, log } = context;
      await closed(cp.spawn('true'));
      await withoutDescriptors(context, async () => {
        for (const name of ['exec', 'execFile'] as const) {
          await new Promise<void>((resolve) => {
            const done = (...values: unknown[]) => resolve(log(name, ...values));
            const child = attempt(name, () => (cp[name] as typeof cp.exec)('true', done));
            if (!child) resolve();
          });
        }
        const child = attempt('fork', () => cp.fork('x.js'));
        if (child) {
          child.on('error', (error) => log('fork error', error));
          await closed(child);
        }
      });
    },
  },

  'EMFILE leaves no descriptor': {
    alone: true,
    run: async (context) => {
      const { cp, log } = context;
      const count = () => {
        const fd = openSync('/', 'r');
        closeSync(fd);
        return fd;
      };
      await closed(cp.spawn('true'));
      const before = count();
      await withoutDescriptors(context, async () => {
        for (let times = 0; times < 10; times++) {
          const child = cp.spawn('true');
          child.on('error', () => {});
          await closed(child);
        }
      });
      await turn();
      log('first free descriptor', count() - before);
    },
  },

  'EAGAIN at the first spawn': {
    alone: true,
    needsRoot: true,
    run: async (context) => {
      withoutProcesses();
      await spawnAll(context);
    },
  },

  'EAGAIN at a later spawn': {
    alone: true,
    needsRoot: true,
    run: async (context) => {
      await closed(context.cp.spawn('true'));
      withoutProcesses();
      await spawnAll(context);
      const { attempt, cp, log } = context;
      await new Promise<void>((resolve) => {
        attempt('exec', () => cp.exec('true', (...values) => resolve(log('callback', ...values))));
      });
    },
  },
};

/** Starts a child with each of a few forms of stdio and logs all that comes of it. */
async function spawnAll({ cp, attempt, follow, log }: Context) {
  for (const stdio of ['pipe', 'ignore', ['pipe', 'pipe', 'pipe', 'ipc']]) {
    const child = attempt(`stdio ${stdio}`, () => cp.spawn('true', { stdio: stdio as 'pipe' }));
    if (!child) continue;
    const { pid, stdin, stdout, stdio: streams, connected, killed, exitCode } = child;
    log('state', typeof pid, stdin, stdout, streams?.length, connected, killed, exitCode);
    log('names', Reflect.ownKeys(child).map(String).sort());
    for (const stream of streams ?? []) if (stream && 'resume' in stream) stream.resume();
    await follow(child, `child ${stdio}`);
    attempt('kill', () => child.kill());
  }
}

async function withoutDescriptors({ log }: Context, action: () => Promise<void>) {
  execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=128:128']);
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/', 'r'));
  } catch (error) {
    log('full', (error as NodeJS.ErrnoException).code);
  }
  try {
    await action();
  } finally {
    for (const fd of taken) closeSync(fd);
  }
}

function withoutProcesses() {
  execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=1:1']);
  process.setgroups?.([]);
  process.setgid?.(nobody);
  process.setuid?.(nobody);
}
