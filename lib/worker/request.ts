import { ProcguardError } from '../errors.js';
import { maxBodyBytes, maxHeaderBytes } from '../wire/limits.js';
import type { ErrorBody, ErrorCode, Trace } from '../wire/messages.js';
import { encodeValue } from '../wire/values.js';
import { WorkerError } from './errors.js';

/** What a request is to the worker that has it. */
export interface WorkRequest {
  /** What its worker knows it by. */
  id: number;
  /** When its worker got it. */
  givenAtMs: number;
  /** When its own `timeoutMs` is over; undefined when it has none. */
  readonly expiresAtMs: number | undefined;
  /** Items that a stream may still send. */
  credit: number | undefined;
  readonly payload: Payload;
  /** Items have come. */
  isUnderWay: boolean;
  /** The answer of a call, or the end of a stream. */
  succeed(value: unknown): void;
  item(value: unknown): void;
  fail(error: Error): void;
  /** Its worker never began it, and won't. */
  giveBack(): void;
  /** Nobody waits any more; the worker may still be at it. */
  readonly settled: boolean;
}

/** A request that a worker has. */
export interface RequestInHand {
  readonly method: string;
  readonly ageMs: number;
  /** What is left of its own `timeoutMs`; undefined when it has none. */
  readonly leftMs: number | undefined;
}

/** A request in the form in which it is sent. It is made when the request is: later changes don't show, except in `parts`. */
export interface Payload {
  readonly method: string;
  readonly json: string;
  /** The caller's own memory, not copied. */
  readonly parts: readonly Uint8Array[];
  readonly bodyBytes: number;
  readonly credit: number | undefined;
}

// What `headerOf` adds.
const idBytes = 64;

/** Throws `ERR_PROCGUARD_UNSERIALIZABLE` or `ERR_PROCGUARD_TOO_LARGE`. `credit` makes it a stream. */
export function makePayload(
  method: string,
  args: readonly unknown[],
  credit?: number,
  trace?: Trace,
): Payload {
  const { value, parts, marked } = encodeValue(args, 'args');
  let json = `"method":${JSON.stringify(method)},"args":${textOf(method, value)}`;
  if (marked) json += ',"marked":true';
  if (parts.length > 0) json += `,"parts":${JSON.stringify(parts.map((part) => part.byteLength))}`;
  if (credit !== undefined) json += `,"credit":${credit}`;
  if (trace !== undefined) json += `,"trace":${JSON.stringify(trace)}`;
  const bodyBytes = bytesOf(parts);
  checkSizes(method, json, bodyBytes);
  return { method, json, parts, bodyBytes, credit };
}

function textOf(method: string, value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // No string of the engine is that long.
    if (error instanceof RangeError) throw tooLarge(method, 'over 512 MiB as JSON', maxHeaderBytes);
    throw error;
  }
}

/** Throws `ERR_PROCGUARD_UNSERIALIZABLE` when bytes have gone since the request was made: their header has said how many follow. */
export function checkParts({ method, parts, bodyBytes }: Payload): void {
  if (bytesOf(parts) === bodyBytes) return;
  throw new ProcguardError(
    'ERR_PROCGUARD_UNSERIALIZABLE',
    `Bytes in the arguments of ${method.slice(0, 100)} were transferred or resized while the request waited. They are not copied: leave them alone until it is settled, or pass a copy.`,
  );
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}

function checkSizes(method: string, json: string, bodyBytes: number): void {
  // No character takes more than 3 bytes: a short text needn't be measured.
  const isLong = json.length * 3 + idBytes > maxHeaderBytes;
  if (isLong && Buffer.byteLength(json) + idBytes > maxHeaderBytes) {
    throw tooLarge(method, `${Buffer.byteLength(json)} bytes as JSON`, maxHeaderBytes);
  }
  if (bodyBytes > maxBodyBytes) throw tooLarge(method, `${bodyBytes} bytes of binary parts`, maxBodyBytes);
}

function tooLarge(method: string, what: string, limit: number): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_TOO_LARGE',
    `The arguments of ${method.slice(0, 100)} have ${what}; the limit is ${limit}. Send large data as bytes or arrays, in several calls, or as the path of a file.`,
  );
}

export function headerOf({ json, credit }: Payload, id: number): string {
  return `{"type":"${credit === undefined ? 'call' : 'stream'}","id":${id},${json}}`;
}

const codes: Readonly<Record<ErrorCode, string>> = {
  handler_failed: 'ERR_PROCGUARD_WORKER_ERROR',
  unknown_method: 'ERR_PROCGUARD_UNKNOWN_METHOD',
  unserializable: 'ERR_PROCGUARD_UNSERIALIZABLE',
  too_large: 'ERR_PROCGUARD_TOO_LARGE',
  cancelled: 'ERR_PROCGUARD_CANCELLED',
};

/** The error of an `error` frame. */
export function errorOf(method: string, { code, type, message, traceback }: ErrorBody): ProcguardError {
  return new WorkerError(
    Object.hasOwn(codes, code) ? codes[code] : 'ERR_PROCGUARD_WORKER_ERROR',
    type === undefined ? `${method}: ${message}` : `${method}: ${type}: ${message}`,
    type,
    traceback,
  );
}
