import type { Socket } from 'node:net';
import { encodeFrame, type Frame, FrameReader, joinSmall } from '../wire/frames.js';
import { encodeLine, LineReader } from '../wire/lines.js';
import { WireError } from '../wire/wire-error.js';

/** Above this the worker gets no further request until it has read. */
const highWaterBytes = 1024 * 1024;

interface Readers {
  control(message: Record<string, unknown>): void;
  frame(frame: Frame): void;
  /** What arrived breaks the protocol. */
  broken(error: Error): void;
  /** One was closed: mostly the worker has ended, and its exit, which follows, says more. `cut`: within a message. */
  closed(name: 'control' | 'data', cut: WireError | undefined): void;
  /** The worker reads again after `isClogged`. */
  drained(): void;
}

/** The host's ends of a worker's control and data channels. */
export class Channels {
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  #hasFailedWrite = false;
  readonly #flush = () => {
    const pieces = this.#unsent.length === 1 ? this.#unsent : joinSmall(this.#unsent);
    this.#unsent = [];
    this.#unsentBytes = 0;
    if (pieces.length > 1) this.data.cork();
    for (const piece of pieces) this.data.write(piece);
    if (pieces.length > 1) this.data.uncork();
  };

  constructor(
    private readonly control: Socket,
    private readonly data: Socket,
    readers: Readers,
  ) {
    const lines = new LineReader();
    read(control, readers, (chunk) => {
      lines.push(chunk);
      for (let message = lines.next(); message !== undefined; message = lines.next())
        readers.control(message);
    });
    control.once('end', () => readers.closed('control', cutOff(lines)));
    const frames = new FrameReader();
    read(data, readers, (chunk) => {
      frames.push(chunk);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) readers.frame(frame);
    });
    data.once('end', () => readers.closed('data', cutOff(frames)));
    data.on('drain', () => readers.drained());
    // A worker that ends with something unread resets the connection; what it sent before has been read by then.
    control.on('error', () => readers.closed('control', cutOff(lines)));
    data.on('error', () => readers.closed('data', cutOff(frames)));
    passFailedWrites(control, () => readers.closed('control', undefined));
    passFailedWrites(data, () => {
      this.#hasFailedWrite = true;
      readers.closed('data', undefined);
    });
  }

  /** It takes no further request before the worker has read what waits, and none at all when the worker has closed its end. */
  get isClogged(): boolean {
    if (this.#hasFailedWrite || !this.data.writable) return true;
    return this.#unsentBytes + this.data.writableLength > highWaterBytes;
  }

  ping(seq: number): void {
    // One that doesn't even read gets no more of them.
    if (this.control.writableLength === 0) this.tell({ type: 'ping', seq });
  }

  tell(message: object): void {
    if (this.control.writable) this.control.write(encodeLine(message));
  }

  /** What is sent in one turn of the loop goes out in one system call, except for large parts. */
  send(header: string, parts: readonly Uint8Array[]): void {
    if (!this.data.writable) return;
    if (this.#unsent.length === 0) process.nextTick(this.#flush);
    // What waits in the stream may wait for long, and would be cut short if the caller transferred it meanwhile.
    const pieces = encodeFrame(header, this.data.writableLength > 0 ? parts.map(copyOf) : parts);
    for (const piece of pieces) {
      this.#unsent.push(piece);
      this.#unsentBytes += piece.length;
    }
    // Parts that weren't copied are the caller's memory, who may transfer it to another thread in this very turn.
    if (pieces.length > 1) this.#flush();
  }

  /** A message that may not overtake what was sent before. */
  tellAfterData(message: object): void {
    if (!this.data.writable) return;
    this.#flush();
    this.data.write(Buffer.alloc(0), () => this.tell(message));
  }

  destroy(): void {
    this.control.destroy();
    this.data.destroy();
  }
}

const copyOf = (part: Uint8Array) => Uint8Array.prototype.slice.call(part);

function read(socket: Socket, { broken }: Readers, take: (chunk: Buffer) => void): void {
  socket.on('data', (chunk: Buffer) => {
    try {
      take(chunk);
    } catch (error) {
      socket.destroy();
      broken(error as Error);
    }
  });
}

/**
 * Calls `failed` when a write fails because the worker has closed its end, and takes the write for done. On an error Node would destroy the
 * socket, and lose what the worker sent before that and hasn't been read yet, such as the last answers of one that leaves.
 */
function passFailedWrites(socket: Socket, failed: () => void): void {
  const { _write: write, _writev: writev } = socket as Required<Pick<Socket, '_write' | '_writev'>>;
  const pass = (done: (error?: Error | null) => void) => (error?: Error | null) => {
    if (error) failed();
    done();
  };
  socket._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, pass(done));
  socket._writev = (chunks, done) => writev.call(socket, chunks, pass(done));
}

function cutOff(reader: LineReader | FrameReader): WireError | undefined {
  try {
    reader.end();
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  return undefined;
}
