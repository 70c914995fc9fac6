import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { within } from './deadline.js';

// Other files and other test runs may have their turns first.
const PATIENCE_MS = 240_000;

/**
 * Waits until no other process of this machine has the lock `name`, and takes it until this process ends. A sweep
 * looks at the whole machine, so tests that sweep exclude those whose orphans must live, also of another test run.
 * Rejects after four minutes.
 */
export async function lockMachine(name: string): Promise<void> {
  // An abstract socket: the kernel lets go of its name when the process ends, in whatever way.
  const path = `\0procguard-test-${name}`;
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    // Who waits must not keep this process from its end.
    const server = createServer((waiting) => waiting.unref());
    const taken = new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true)).once('error', () => resolve(false));
    });
    server.listen(path);
    if (await taken) {
      server.unref();
      return;
    }
    await ownersEnd(path, name, end - performance.now());
  }
}

async function ownersEnd(path: string, name: string, ms: number): Promise<void> {
  const socket = connect(path);
  socket.on('error', () => {});
  try {
    await within(once(socket, 'close'), `the machine lock '${name}', which another test process holds`, ms);
  } finally {
    socket.destroy();
  }
}
