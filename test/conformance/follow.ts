import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { Log, Transcript } from './transcript.js';

/** Logs all events of a child and its streams until after its `close`. Chunking of data is not logged. */
export async function follow(transcript: Transcript, child: ChildProcess, name: string) {
  const log = transcript.lane(name);
  for (const event of ['spawn', 'error', 'exit', 'close']) {
    child.on(event, (...values) => log(event, ...values));
  }
  // The end of the channel and that of the process reach the host in either order.
  for (const event of ['message', 'disconnect']) {
    child.on(event, (...values) => transcript.lane(`${name} channel`)(event, ...values));
  }
  for (const [index, stream] of (child.stdio ?? []).entries()) {
    if (stream) followStream(transcript.lane(`${name} fd ${index}`), stream);
  }
  await new Promise((resolve) => child.once('close', resolve));
  // Node emits the child's `close` from within the `close` of its last stream, before that stream's other listeners.
  await turn();
  await turn();
}

function followStream(log: Log, stream: Readable | Writable) {
  for (const event of ['finish', 'error', 'close']) stream.on(event, (...values) => log(event, ...values));
  if (!('read' in stream) || !stream.readable) return;
  const chunks: Buffer[] = [];
  stream.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
  stream.on('end', () => log('end', Buffer.concat(chunks)));
}
