import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { encodeFrame } from '../../lib/wire/frames.js';
import { Channels } from '../../lib/worker/channels.js';
import { within } from '../helpers/deadline.js';

test('a write that fails because the worker has ended loses nothing that it had sent', async (t) => {
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
  const [[control, toControl], [data, toData]] = [await connect(), await connect()];
  const received: Record<string, unknown>[] = [];
  const closed: string[] = [];
  const channels = new Channels(control, data, {
    control: (message) => received.push(message),
    frame: ({ header }) => received.push(header),
    broken: (error) => t.fail(error.message),
    closed: (name, cut) => closed.push(cut === undefined ? name : `${name}: ${cut.message}`),
    drained: () => {},
  });
  const ends = Promise.all([once(control, 'close'), once(data, 'close')]);
  setImmediate(() => {
    // In this turn of the loop the worker's ends are closed, and the host's are written to before they are read.
    toData.write(Buffer.concat(encodeFrame({ type: 'answer' }, [])));
    toData.destroy();
    toControl.write('{"type":"leaving","last":1}\n');
    toControl.destroy();
    channels.ping(1);
    channels.tell({ type: 'drain' });
    channels.send('{"request":2}', [Buffer.alloc(100_000)]);
    channels.send('{"request":3}', []);
    channels.tellAfterData({ type: 'drain' });
  });
  await within(ends, 'the end of the channels');
  t.deepEqual(received.map(({ type }) => type).sort(), ['answer', 'leaving']);
  t.deepEqual([...new Set(closed)].sort(), ['control', 'data']);
});
