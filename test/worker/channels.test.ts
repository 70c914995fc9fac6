import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { nowMs } from '../../lib/clock.js';
import { Channels } from '../../lib/worker/channels.js';
import { within } from '../helpers/deadline.js';

test('a ping that comes before the reads of what a worker that has ended had said loses none of it', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'procguard-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const server = createServer().listen(path.join(folder, 'socket'));
  t.teardown(() => server.close());
  await once(server, 'listening');
  const connect = async (): Promise<[Socket, Socket]> => {
    const accepted = once(server, 'connection');
    const host = createConnection(path.join(folder, 'socket'));
    await once(host, 'connect');
    return [host, (await accepted)[0]];
  };
  const [[control, worker], [data, other]] = [await connect(), await connect()];
  t.teardown(() => {
    data.destroy();
    other.destroy();
  });
  const received: unknown[] = [];
  let channels!: Channels;
  const closed = new Promise<void>((resolve) => {
    channels = new Channels(control, data, {
      control: (message) => received.push(message),
      frame: () => {},
      broken: (error) => t.fail(error.message),
      closed: () => resolve(),
      drained: () => {},
    });
  });
  setImmediate(() => {
    // In this turn of the loop the worker's end is closed. The timer is due before the next reads.
    worker.write('{"type":"leaving","last":1}\n');
    worker.destroy();
    setTimeout(() => channels.ping(1), 1);
    const untilMs = nowMs() + 5;
    while (nowMs() < untilMs);
  });
  await within(closed, 'the end of the channel');
  t.deepEqual(received, [{ type: 'leaving', last: 1 }]);
});
