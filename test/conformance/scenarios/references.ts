import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { closed } from '../proc.js';
import type { Subject } from '../scenario.js';

// A scenario that is run alone passes only if its process ends by itself in time, and its exit code is compared.
const unlisted = 'Node lists only handles that libuv itself has started';

export const subject: Subject = {
  'an unreferenced child keeps no host': {
    alone: true,
    run: ({ cp, log }) => {
      const child = cp.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
      child.unref();
      (child.stdin as unknown as { unref(): void }).unref();
      child.on('exit', () => process.stdout.write('exit'));
      process.on('exit', (code) => process.stdout.write(`host exit ${code} ${child.exitCode}`));
      log('hasRef', handleOf(child).hasRef());
    },
  },

  'an unreferenced child without streams keeps no host': {
    alone: true,
    run: ({ cp }) => {
      cp.spawn('sleep', ['1'], { stdio: 'ignore' }).unref();
    },
  },

  'unref before the first turn and ref again keeps the host until the exit': {
    alone: true,
    run: ({ cp, log }) => {
      const child = cp.spawn('sh', ['-c', 'sleep 0.05; exit 3'], { stdio: 'ignore' });
      child.unref();
      child.ref();
      log('hasRef', handleOf(child).hasRef());
      child.on('exit', (code) => process.stdout.write(`exit ${code}`));
    },
  },

  'a referenced child keeps the host until the exit': {
    alone: true,
    run: ({ cp }) => {
      const child = cp.spawn('sh', ['-c', 'sleep 0.05; exit 3'], { stdio: 'ignore' });
      child.on('exit', (code) => {
        process.exitCode = code as number;
        process.stdout.write(`exit ${code}`);
      });
    },
  },

  'a child with open streams keeps the host after unref': {
    alone: true,
    run: ({ cp }) => {
      const child = cp.spawn('sh', ['-c', 'sleep 0.05; echo late'], { stdio: ['ignore', 'pipe', 'ignore'] });
      child.unref();
      child.stdout.on('data', (chunk) => process.stdout.write(chunk));
    },
  },

  'a channel keeps the host, an unreferenced one does not': {
    alone: true,
    run: async ({ cp, fixture }) => {
      const child = cp.fork(fixture('wait.cjs'));
      await once(child, 'message');
      child.unref();
      child.channel?.unref();
      process.on('exit', () => process.stdout.write(`exit ${child.exitCode}`));
    },
  },

  'a host that exits in the exit listener of a child': {
    alone: true,
    run: ({ cp }) => {
      cp.spawn('true').on('exit', () => process.exit(5));
    },
  },

  'a host that exits right after a spawn': {
    alone: true,
    run: ({ cp }) => {
      cp.spawn('true', { stdio: 'inherit' });
      process.exitCode = 4;
      setImmediate(() => process.exit());
    },
  },

  'a host that ends with an uncaught error': {
    alone: true,
    run: async ({ cp }) => {
      await closed(cp.spawn('true', { stdio: 'ignore' }));
      setImmediate(() => {
        process.stderr.write = () => true;
        throw new Error('the end');
      });
    },
  },

  'a failed child keeps no host': {
    alone: true,
    run: ({ cp }) => {
      cp.spawn('/no/such/program').on('error', (error) => process.stdout.write(String(error)));
    },
  },

  'beforeExit comes after the last child': {
    alone: true,
    run: ({ cp }) => {
      cp.spawn('sleep', ['0.05'], { stdio: 'ignore' }).on('close', () => process.stdout.write('close '));
      process.once('beforeExit', () => process.stdout.write('beforeExit '));
      process.once('exit', () => process.stdout.write('exit'));
    },
  },

  'hasRef at each moment': async ({ cp, log }) => {
    const child = cp.spawn('cat');
    const handle = handleOf(child);
    log('start', handle.hasRef());
    child.unref();
    log('unref', handle.hasRef());
    child.unref();
    child.ref();
    log('ref', handle.hasRef());
    child.stdin.end();
    child.stdout.resume();
    child.stderr.resume();
    await once(child, 'close');
    child.ref();
    child.unref();
    await turn();
    log('later', (child as unknown as { _handle: unknown })._handle);
  },

  'the resources that keep the host': {
    differs: unlisted,
    run: async ({ cp, log }) => {
      const count = () => {
        const counts: Record<string, number> = {};
        for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
        return counts;
      };
      await closed(cp.spawn('true', { stdio: 'ignore' }));
      await settle();
      log('before', count());
      const child = cp.spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
      child.stdout.resume();
      log('running', count());
      child.unref();
      log('unref', count());
      child.ref();
      child.stdin.end();
      await once(child, 'close');
      await settle();
      log('after', count());
    },
  },

  'the active handles of the host': {
    differs: unlisted,
    run: async ({ cp, log }) => {
      const active = () => {
        const { _getActiveHandles } = process as unknown as { _getActiveHandles(): object[] };
        return _getActiveHandles
          .call(process)
          .map((handle) => handle.constructor.name)
          .sort();
      };
      const before = active();
      const child = cp.spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
      log(
        'running',
        active().filter((name) => !before.includes(name)),
      );
      child.stdin.end();
      await once(child, 'close');
    },
  },
};

function handleOf(child: object) {
  return (child as { _handle: { hasRef(): boolean } })._handle;
}

/** Lets the handles of what has ended close, which takes the host a turn or two. */
async function settle() {
  for (let count = 0; count < 4; count++) await turn();
}
