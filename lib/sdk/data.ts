import { Socket } from 'node:net';
import { encodeFrame, FrameReader } from '../wire/frames.js';
import type { Answer, Request } from '../wire/messages.js';
import { readRequest } from '../wire/read-request.js';
import { breakOff, hostIsGone } from './exit.js';

const dataFd = 4;

export class Data {
  readonly #socket = new Socket({ fd: dataFd, readable: true, writable: true });
  readonly #frames = new FrameReader();
  #isStopped = false;

  constructor(receive: (request: Request) => void) {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#frames.push(chunk);
      try {
        while (!this.#isStopped) {
          const frame = this.#frames.next();
          if (frame === undefined) break;
          receive(readRequest(frame.header, frame.parts));
        }
      } catch (error) {
        breakOff(error);
      }
    });
    this.#socket.on('end', hostIsGone);
    this.#socket.on('error', hostIsGone);
    this.#socket.on('close', () => {
      if (!this.#isStopped) hostIsGone();
    });
  }

  /** Whether a request is on its way. */
  get isWithinFrame(): boolean {
    return this.#frames.isWithinFrame;
  }

  /** Throws a WireError when it is over a limit; nothing was sent then. */
  send(answer: Answer, parts: readonly Uint8Array[]): void {
    const pieces = encodeFrame(answer, parts);
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }

  /** Resolves when the host has taken enough of what was sent. */
  async ready(): Promise<void> {
    if (!this.#socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => this.#socket.once('drain', resolve));
  }

  /** Takes no more requests. */
  stop(): void {
    this.#isStopped = true;
    this.#socket.pause();
  }

  /** Calls back when all answers have left this process. */
  finish(finished: () => void): void {
    this.stop();
    this.#socket.end(finished);
  }
}
