import type { ProcguardError } from '../errors.js';
import { encodeValue } from '../wire/values.js';
import { WorkerError } from './errors.js';

/** What a request is to the worker that has it. */
export interface WorkRequest {
  /** What its worker knows it by. */
  id: number;
  readonly payload: Payload;
  /** The answer of a call, or the end of a stream. */
  succeed(value: unknown): void;
  item(value: unknown): void;
  fail(error: Error): void;
  /** Nobody waits any more; the worker may still be at it. */
  readonly settled: boolean;
}

/** A request in the form in which it is sent. It is made when the request is, so that later changes don't show. */
export interface Payload {
  readonly method: string;
  readonly json: string;
  readonly parts: readonly Uint8Array[];
  readonly credit: number | undefined;
}

/** Throws `ERR_PROCGUARD_UNSERIALIZABLE`. `credit` makes it a stream. */
export function makePayload(method: string, args: readonly unknown[], credit?: number): Payload {
  const { value, parts, marked } = encodeValue(args, 'args');
  let json = `"method":${JSON.stringify(method)},"args":${JSON.stringify(value)}`;
  if (marked) json += ',"marked":true';
  if (parts.length > 0) json += `,"parts":${JSON.stringify(parts.map((part) => part.byteLength))}`;
  if (credit !== undefined) json += `,"credit":${credit}`;
  return { method, json, parts, credit };
}

export function headerOf({ json, credit }: Payload, id: number): string {
  return `{"type":"${credit === undefined ? 'call' : 'stream'}","id":${id},${json}}`;
}

const codes: Readonly<Record<string, string>> = {
  handler_failed: 'ERR_PROCGUARD_WORKER_ERROR',
  unknown_method: 'ERR_PROCGUARD_UNKNOWN_METHOD',
  unserializable: 'ERR_PROCGUARD_UNSERIALIZABLE',
  too_large: 'ERR_PROCGUARD_TOO_LARGE',
  cancelled: 'ERR_PROCGUARD_CANCELLED',
};

/** The error of an `error` frame. */
export function errorOf(method: string, sent: unknown): ProcguardError {
  const { code, type, message, traceback } = (
    typeof sent === 'object' && sent !== null ? sent : {}
  ) as Record<string, unknown>;
  const what = typeof message === 'string' ? message : 'no message';
  return new WorkerError(
    codes[String(code)] ?? 'ERR_PROCGUARD_WORKER_ERROR',
    typeof type === 'string' ? `${method}: ${type}: ${what}` : `${method}: ${what}`,
    typeof type === 'string' ? type : undefined,
    typeof traceback === 'string' ? traceback : undefined,
  );
}
