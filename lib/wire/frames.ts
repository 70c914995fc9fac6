import { ByteQueue } from './byte-queue.js';
import { maxBodyBytes, maxHeaderBytes } from './limits.js';
import { parseObject } from './parse-object.js';
import { WireError } from './wire-error.js';

export interface Frame {
  /** As on the wire, `parts` included. */
  readonly header: Record<string, unknown>;
  /** Views of received memory: one that is kept keeps all of its chunk. */
  readonly parts: readonly Buffer[];
}

const none: readonly never[] = Object.freeze([]);
const prefixBytes = 8;
const minHeaderBytes = 2;
// Pieces from this size on are handed to the socket as they are; smaller ones are cheaper to copy together.
const aloneBytes = 16_384;

/** The frames of a byte stream that arrives in chunks of any size. */
export class FrameReader {
  // A chunk that begins with a frame is read in place, up to a frame of which it has only the beginning.
  #chunk: Buffer | undefined;
  #at = 0;
  readonly #queue = new ByteQueue();
  #lengths: { readonly header: number; readonly body: number } | undefined;
  #header: { readonly fields: Record<string, unknown>; readonly parts: readonly number[] } | undefined;
  #error: WireError | undefined;

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.isWithinFrame) {
      this.#keepRest();
      this.#queue.push(chunk);
    } else {
      this.#chunk = chunk;
      this.#at = 0;
    }
  }

  /** Undefined: the next frame isn't complete. Throws a WireError, from then on always the same. */
  next(): Frame | undefined {
    if (this.#error !== undefined) throw this.#error;
    try {
      return this.#read();
    } catch (error) {
      if (error instanceof WireError) this.#error = error;
      throw error;
    }
  }

  /** Whether the beginning of a frame is here, without its end. Frames that `next` hasn't given yet count too. */
  get isWithinFrame(): boolean {
    return this.#chunk !== undefined || this.#lengths !== undefined || !this.#queue.isEmpty;
  }

  /** At EOF, after the last `next`. Throws a WireError `truncated` when a frame was cut off. */
  end(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.isWithinFrame) {
      throw new WireError('truncated', 'The stream ended within a frame');
    }
  }

  #read(): Frame | undefined {
    if (this.#chunk !== undefined) {
      const frame = this.#readInPlace(this.#chunk);
      if (frame !== undefined) return frame;
      this.#keepRest();
    }
    return this.#readPieces();
  }

  #readInPlace(chunk: Buffer): Frame | undefined {
    const start = this.#at + prefixBytes;
    if (chunk.length < start) return undefined;
    const header = chunk.readUInt32BE(this.#at);
    const body = chunk.readUInt32BE(this.#at + 4);
    checkPrefix(header, body);
    const middle = start + header;
    const end = middle + body;
    if (chunk.length < end) return undefined;
    const fields = parseObject(chunk, start, middle);
    const lengths = partLengths(fields.parts, body);
    this.#at = end;
    if (end === chunk.length) this.#chunk = undefined;
    const parts = lengths.length === 0 ? none : split(chunk.subarray(middle, end), lengths);
    return { header: fields, parts };
  }

  #keepRest(): void {
    if (this.#chunk !== undefined) this.#queue.push(this.#chunk.subarray(this.#at));
    this.#chunk = undefined;
  }

  #readPieces(): Frame | undefined {
    if (this.#lengths === undefined) {
      const prefix = this.#queue.take(prefixBytes);
      if (prefix === undefined) return undefined;
      this.#lengths = { header: prefix.readUInt32BE(0), body: prefix.readUInt32BE(4) };
      checkPrefix(this.#lengths.header, this.#lengths.body);
    }
    if (this.#header === undefined) {
      const bytes = this.#queue.take(this.#lengths.header);
      if (bytes === undefined) return undefined;
      const fields = parseObject(bytes);
      this.#header = { fields, parts: partLengths(fields.parts, this.#lengths.body) };
    }
    const body = this.#queue.take(this.#lengths.body);
    if (body === undefined) return undefined;
    const { fields, parts } = this.#header;
    this.#lengths = undefined;
    this.#header = undefined;
    return { header: fields, parts: split(body, parts) };
  }
}

function checkPrefix(header: number, body: number): void {
  if (header < minHeaderBytes) {
    throw new WireError('header_too_small', `A header of ${header} bytes can't hold a JSON object`);
  }
  checkSizes(header, body);
}

function checkSizes(header: number, body: number): void {
  if (header > maxHeaderBytes) {
    throw new WireError('header_too_large', `A header of ${header} bytes is over ${maxHeaderBytes}`);
  }
  if (body > maxBodyBytes) {
    throw new WireError('body_too_large', `A body of ${body} bytes is over ${maxBodyBytes}`);
  }
}

function partLengths(parts: unknown, bodyBytes: number): readonly number[] {
  if (parts === undefined && bodyBytes === 0) return none;
  const lengths = parts === undefined ? none : parts;
  if (!Array.isArray(lengths) || !lengths.every((length) => Number.isSafeInteger(length) && length >= 0)) {
    throw new WireError('parts_mismatch', 'Expected `parts` to be a list of lengths');
  }
  const sum = (lengths as number[]).reduce((total, length) => total + length, 0);
  if (sum !== bodyBytes) {
    throw new WireError('parts_mismatch', `The parts have ${sum} bytes, but the body has ${bodyBytes}`);
  }
  return lengths;
}

function split(body: Buffer, lengths: readonly number[]): Buffer[] {
  if (lengths.length === 1) return [body];
  let offset = 0;
  return lengths.map((length) => {
    const part = body.subarray(offset, offset + length);
    offset += length;
    return part;
  });
}

/**
 * The buffers to write, in order: one, unless there are parts of 16 KiB or more, which are not copied and must not be
 * changed until they are written. `parts` is added to the header, unless it comes as JSON already. Throws a WireError `header_too_large` or
 * `body_too_large`.
 */
export function encodeFrame(header: object | string, parts: readonly Uint8Array[]): Buffer[] {
  const json = typeof header === 'string' ? header : jsonOf(header, parts);
  const headerBytes = Buffer.byteLength(json);
  const bodyBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  checkSizes(headerBytes, bodyBytes);
  const head = Buffer.allocUnsafe(prefixBytes + headerBytes);
  head.writeUInt32BE(headerBytes, 0);
  head.writeUInt32BE(bodyBytes, 4);
  head.write(json, prefixBytes);
  return parts.length === 0 ? [head] : joinSmall([head, ...parts]);
}

function jsonOf(header: object, parts: readonly Uint8Array[]): string {
  return JSON.stringify(
    parts.length === 0 ? header : { ...header, parts: parts.map((part) => part.byteLength) },
  );
}

/** The same bytes in the same order, with neighbors of less than 16 KiB copied together. */
export function joinSmall(buffers: readonly Uint8Array[]): Buffer[] {
  const pieces: Buffer[] = [];
  let small: Uint8Array[] = [];
  const joinSmall = () => {
    if (small.length > 0) pieces.push(Buffer.concat(small));
    small = [];
  };
  for (const piece of buffers) {
    if (piece.byteLength < aloneBytes) {
      small.push(piece);
    } else {
      joinSmall();
      pieces.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    }
  }
  joinSmall();
  return pieces;
}
