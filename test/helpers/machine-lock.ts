import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * Waits until no other process of this machine has the lock `name`, and takes it until this process ends. A sweep
 * looks at the whole machine, so tests that sweep exclude those whose orphans must live, also of another test run.
 */
export async function lockMachine(name: string): Promise<void> {
  // An abstract socket: the kernel lets go of its name when the process ends, in whatever way.
  const path = `\0procguard-test-${name}`;
  for (;;) {
    const server = createServer();
    const taken = new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true)).once('error', () => resolve(false));
    });
    server.listen(path);
    if (await taken) {
      server.unref();
      return;
    }
    await ownersEnd(path);
  }
}

async function ownersEnd(path: string): Promise<void> {
  const socket = connect(path);
  socket.on('error', () => {});
  await once(socket, 'close');
}
