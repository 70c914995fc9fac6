import {
  AsyncLocalStorage,
  AsyncResource,
  createHook,
  executionAsyncId,
  triggerAsyncId,
} from 'node:async_hooks';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { closed, exited } from '../proc.js';
import type { Subject } from '../scenario.js';

export const subject: Subject = {
  'every listener runs in the context of the spawn': async ({ cp, log }) => {
    const storage = new AsyncLocalStorage<string>();
    const child = storage.run('at the spawn', () => cp.spawn('sh', ['-c', 'echo out; read line; exit 1']));
    await storage.run('at the listener', async () => {
      for (const event of ['spawn', 'exit', 'close']) child.on(event, () => log(event, storage.getStore()));
      child.stdout.on('data', () => {
        log('data', storage.getStore());
        child.stdin.end();
      });
      child.stdout.on('end', () => storage.getStore());
      child.stderr.resume();
      await once(child, 'close');
    });
  },

  'error and close of a child that never was': async ({ cp, log }) => {
    const storage = new AsyncLocalStorage<string>();
    const child = storage.run('at the spawn', () => cp.spawn('/no/such/program', { stdio: 'ignore' }));
    await storage.run('at the listener', async () => {
      for (const event of ['error', 'close']) child.on(event, () => log(event, storage.getStore()));
      await closed(child);
    });
  },

  'messages, disconnect and callbacks of send': async ({ cp, fixture, log }) => {
    const storage = new AsyncLocalStorage<string>();
    const child = storage.run('at the fork', () => cp.fork(fixture('ipc.cjs')));
    for (const event of ['message', 'disconnect', 'exit', 'close'])
      child.on(event, () => log(event, storage.getStore()));
    const answered = once(child, 'message');
    await new Promise<void>((resolve) => {
      storage.run('at the send', () => {
        child.send(['echo'], () => {
          log('sent', storage.getStore());
          resolve();
        });
      });
    });
    await answered;
    const ended = exited(child);
    const left = once(child, 'disconnect');
    storage.run('at the disconnect', () => child.disconnect());
    await Promise.all([left, ended]);
  },

  'callbacks of exec and execFile': async ({ cp, log }) => {
    const storage = new AsyncLocalStorage<string>();
    await new Promise<void>((resolve) => {
      storage.run('at the exec', () => {
        cp.exec('echo x', () => {
          log('exec', storage.getStore());
          resolve();
        });
      });
    });
    await storage.run('promised', async () => {
      await promisify(cp.exec)('true');
      log('promisified', storage.getStore());
    });
    await new Promise<void>((resolve) => {
      storage.run('missing', () => {
        cp.execFile('/no/such/program', () => {
          log('execFile', storage.getStore());
          resolve();
        });
      });
    });
  },

  'AbortSignal and timeout': async ({ cp, log }) => {
    const storage = new AsyncLocalStorage<string>();
    const controller = new AbortController();
    const aborted = storage.run('spawn', () => cp.spawn('cat', { signal: controller.signal, stdio: 'pipe' }));
    aborted.stdout.resume();
    aborted.stderr.resume();
    aborted.on('error', () => log('error', storage.getStore()));
    aborted.on('exit', () => log('exit', storage.getStore()));
    storage.run('abort', () => controller.abort());
    await closed(aborted);
    const timed = storage.run('timed', () => cp.spawn('sleep', ['60'], { timeout: 10, stdio: 'ignore' }));
    timed.on('exit', () => log('exit', storage.getStore()));
    await closed(timed);
  },

  'contexts of many children do not mix': async ({ cp, log }) => {
    const storage = new AsyncLocalStorage<number>();
    const seen = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        storage.run(index, async () => {
          const child = cp.spawn('true', { stdio: 'ignore' });
          return new Promise((resolve) => child.on('exit', () => resolve(storage.getStore())));
        }),
      ),
    );
    log('seen', seen);
  },

  'the resources that async_hooks sees': async ({ cp, log, lane }) => {
    await closed(cp.spawn('true'));
    const types = new Map<number, string>();
    const child = hooked(types, () => cp.spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] }));
    log(
      'types',
      [...types.values()].filter((type) => type === type.toUpperCase() && /WRAP/.test(type)),
    );
    child.on('exit', () => log('exit', types.get(executionAsyncId()), types.has(triggerAsyncId())));
    child.stdout.on('data', () => lane('data')('data', types.get(executionAsyncId())));
    child.stdin.end('x');
    await once(child, 'close');
  },

  'the life of the resource of a child': {
    run: async ({ cp, log }) => {
      await closed(cp.spawn('true', { stdio: 'ignore' }));
      const ids = new Set<number>();
      const hook = createHook({
        init: (id, type, trigger) => {
          if (type !== 'PROCESSWRAP') return;
          ids.add(id);
          log('init', type, trigger === executionAsyncId());
        },
        before: (id) => ids.has(id) && log('before'),
        after: (id) => ids.has(id) && log('after'),
        destroy: (id) => ids.has(id) && log('destroy'),
      }).enable();
      const child = cp.spawn('true', { stdio: 'ignore' });
      child.on('exit', () => log('exit'));
      await once(child, 'close');
      await turn();
      await turn();
      hook.disable();
    },
  },

  'a listener that is bound to another context': async ({ cp, log }) => {
    const storage = new AsyncLocalStorage<string>();
    const child = storage.run('spawn', () => cp.spawn('true', { stdio: 'ignore' }));
    storage.run('bound', () =>
      child.on(
        'exit',
        AsyncResource.bind(() => log('exit', storage.getStore())),
      ),
    );
    await once(child, 'close');
  },
};

function hooked<T>(types: Map<number, string>, action: () => T) {
  const hook = createHook({ init: (id, type) => void types.set(id, type) }).enable();
  try {
    return action();
  } finally {
    hook.disable();
  }
}
