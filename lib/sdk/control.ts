import { Socket } from 'node:net';
import { encodeLine, LineReader } from '../wire/lines.js';
import type { ControlFromHost, ControlFromWorker } from '../wire/messages.js';
import { breakOff, hostIsGone } from './exit.js';

const controlFd = 3;

/** Messages of a type that isn't known are to be ignored. */
export class Control {
  readonly #socket = new Socket({ fd: controlFd, readable: true, writable: true });
  readonly #lines = new LineReader();

  constructor(receive: (message: ControlFromHost) => void) {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#lines.push(chunk);
      try {
        for (let line = this.#lines.next(); line !== undefined; line = this.#lines.next()) {
          receive(line as unknown as ControlFromHost);
        }
      } catch (error) {
        breakOff(error);
      }
    });
    this.#socket.on('end', hostIsGone);
    this.#socket.on('error', hostIsGone);
    this.#socket.on('close', hostIsGone);
  }

  send(message: ControlFromWorker): void {
    this.sendLine(encodeLine(message));
  }

  sendLine(line: string): void {
    this.#socket.write(line);
  }
}
