import { once } from 'node:events';
import { connect, createServer, type ListenOptions, type NetConnectOpts } from 'node:net';
import { within } from './deadline.js';

// Other files and other test runs may have their turns first.
const PATIENCE_MS = 240_000;
const firstPort = 47_300;

/**
 * Waits until no other process of this machine has the lock `name`, and takes it until this process ends. A sweep
 * looks at the whole machine, so tests that sweep exclude those whose orphans must live, also of another test run.
 * Rejects after four minutes.
 */
export async function lockMachine(name: string): Promise<void> {
  const address = addressOf(name);
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    // Who waits must not keep this process from its end.
    const server = createServer((waiting) => waiting.unref());
    const taken = new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true)).once('error', () => resolve(false));
    });
    server.listen(address);
    if (await taken) {
      server.unref();
      return;
    }
    await ownersEnd(address, name, end - performance.now());
  }
}

// The kernel lets go of it when the process ends, in whatever way.
function addressOf(name: string): ListenOptions & NetConnectOpts {
  // Only Linux has abstract sockets.
  if (process.platform === 'linux') return { path: `\0procguard-test-${name}` };
  const sum = [...name].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return { host: '127.0.0.1', port: firstPort + (sum % 100) };
}

async function ownersEnd(address: NetConnectOpts, name: string, ms: number): Promise<void> {
  const socket = connect(address);
  socket.on('error', () => {});
  try {
    await within(once(socket, 'close'), `the machine lock '${name}', which another test process holds`, ms);
  } finally {
    socket.destroy();
  }
}
