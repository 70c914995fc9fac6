import type { Request } from './messages.js';
import { decodeValue } from './values.js';
import { WireError } from './wire-error.js';

/** A request with its arguments decoded. Throws a WireError, `malformed` or `bad_marker`. */
export function readRequest(header: Record<string, unknown>, parts: readonly Buffer[]): Request {
  const { type, id, method, args, credit, marked } = header;
  if (type !== 'call' && type !== 'stream') throw malformed('type', type);
  if (!Number.isSafeInteger(id) || (id as number) < 1) throw malformed('id', id);
  if (typeof method !== 'string') throw malformed('method', method);
  if (!Array.isArray(args)) throw malformed('args', args);
  const decoded = decodeValue(args, parts, marked === true) as unknown[];
  if (type === 'call') return { type, id: id as number, method, args: decoded };
  if (!Number.isSafeInteger(credit) || (credit as number) < 0) throw malformed('credit', credit);
  return { type, id: id as number, method, args: decoded, credit: credit as number };
}

function malformed(field: string, value: unknown): WireError {
  return new WireError('malformed', `A request has the ${field} ${JSON.stringify(value)?.slice(0, 100)}`);
}
