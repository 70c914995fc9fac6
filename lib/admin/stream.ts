import type { ServerResponse } from 'node:http';
import { securityHeaders } from './headers.js';

// A client that reads on has at most one snapshot ahead of it; 10,000 workers are some 4 MB.
const maxBufferedBytes = 8 * 1024 * 1024;
const keepAliveMs = 15_000;

/** Server-sent events to one client. One that doesn't read is dropped; the browser comes back by itself and starts anew. */
export class EventStream {
  readonly #keepAlive: NodeJS.Timeout;

  constructor(
    private readonly response: ServerResponse,
    /** Asked before each event: a session may end. */
    private readonly isAllowed: () => boolean,
    closed: () => void,
    private readonly limitBytes: number = maxBufferedBytes,
  ) {
    response.writeHead(200, {
      ...securityHeaders,
      'Content-Type': 'text/event-stream; charset=utf-8',
      // Proxies that collect an answer before they pass it on.
      'X-Accel-Buffering': 'no',
    });
    response.write('retry: 1000\n\n');
    this.#keepAlive = setInterval(() => this.#write(':\n\n'), keepAliveMs);
    const { socket } = response.req;
    const close = () => {
      response.off('close', close);
      socket.off('close', close);
      clearInterval(this.#keepAlive);
      closed();
    };
    response.once('close', close);
    // An answer that waits for an earlier one on its connection isn't told that this has gone.
    socket.once('close', close);
    response.on('error', () => {});
  }

  /** `data` is JSON, and so without line breaks. */
  send(event: string, data: string): void {
    this.#write(`event: ${event}\ndata: ${data}\n\n`);
  }

  end(): void {
    this.response.end();
  }

  #write(text: string): void {
    const { response } = this;
    if (response.destroyed || response.writableEnded) return;
    if (!this.isAllowed()) {
      this.end();
      return;
    }
    // All that the kernel's own buffers didn't take.
    if (response.writableLength > this.limitBytes) response.destroy();
    else response.write(text);
  }
}
