import { maxLineBytes } from './limits.js';
import { parseObject } from './parse-object.js';
import { WireError } from './wire-error.js';

const newline = 0x0a;

/** The messages of a control channel, which arrive in chunks of any size. */
export class LineReader {
  // The beginning of a line whose end hasn't arrived.
  #begun: Buffer[] = [];
  #begunBytes = 0;
  readonly #chunks: Buffer[] = [];
  #error: WireError | undefined;

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** Undefined: the next line isn't complete. Throws a WireError, from then on always the same. */
  next(): Record<string, unknown> | undefined {
    if (this.#error !== undefined) throw this.#error;
    try {
      const line = this.#nextLine();
      return line === undefined ? undefined : parseObject(line);
    } catch (error) {
      if (error instanceof WireError) this.#error = error;
      throw error;
    }
  }

  /** At EOF, after the last `next`. Throws a WireError `truncated` when a line was cut off. */
  end(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#begunBytes > 0 || this.#chunks.length > 0) {
      throw new WireError('truncated', 'The stream ended within a line');
    }
  }

  #nextLine(): Buffer | undefined {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return undefined;
      const end = chunk.indexOf(newline);
      if (end < 0) {
        this.#begin(chunk);
        this.#chunks.shift();
        continue;
      }
      if (end + 1 === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(end + 1);
      return this.#finish(chunk.subarray(0, end));
    }
  }

  #begin(piece: Buffer): void {
    this.#begunBytes += piece.length;
    if (this.#begunBytes >= maxLineBytes) throw tooLong();
    this.#begun.push(piece);
  }

  #finish(piece: Buffer): Buffer {
    if (this.#begunBytes + piece.length >= maxLineBytes) throw tooLong();
    if (this.#begunBytes === 0) return piece;
    const line = Buffer.concat([...this.#begun, piece]);
    this.#begun = [];
    this.#begunBytes = 0;
    return line;
  }
}

/** Throws a WireError `line_too_long`. */
export function encodeLine(message: object): string {
  const line = `${JSON.stringify(message)}\n`;
  if (Buffer.byteLength(line) > maxLineBytes) throw tooLong();
  return line;
}

function tooLong(): WireError {
  return new WireError('line_too_long', `A control line has more than ${maxLineBytes} bytes`);
}
