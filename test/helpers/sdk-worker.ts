import { fixture } from './fixtures.js';
import { WorkerChannel } from './worker-channel.js';

/** A worker of the Node SDK, after its handshake. */
export async function startSdkWorker(): Promise<WorkerChannel> {
  const worker = new WorkerChannel(process.execPath, [fixture('sdk/worker.mjs')]);
  await worker.welcome();
  return worker;
}
