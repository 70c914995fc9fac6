import type { Request, Trace } from './messages.js';
import { decodeValue } from './values.js';
import { WireError } from './wire-error.js';

/** A request with its arguments decoded. Throws a WireError, `malformed` or `bad_marker`. */
export function readRequest(header: Record<string, unknown>, parts: readonly Buffer[]): Request {
  const { type, id, method, args, credit, marked, trace } = header;
  if (type !== 'call' && type !== 'stream') throw malformed('type', type);
  if (!Number.isSafeInteger(id) || (id as number) < 1) throw malformed('id', id);
  if (typeof method !== 'string') throw malformed('method', method);
  if (!Array.isArray(args)) throw malformed('args', args);
  const decoded = decodeValue(args, parts, marked === true) as unknown[];
  const request = {
    id: id as number,
    method,
    args: decoded,
    ...(trace !== undefined && { trace: readTrace(trace) }),
  };
  if (type === 'call') return { type, ...request };
  if (!Number.isSafeInteger(credit) || (credit as number) < 0) throw malformed('credit', credit);
  return { type, ...request, credit: credit as number };
}

function readTrace(trace: unknown): Trace {
  const { traceparent, tracestate } = (trace ?? {}) as Partial<Trace>;
  if (typeof traceparent !== 'string') throw malformed('trace', trace);
  if (tracestate === undefined) return { traceparent };
  if (typeof tracestate !== 'string') throw malformed('trace', trace);
  return { traceparent, tracestate };
}

function malformed(field: string, value: unknown): WireError {
  return new WireError('malformed', `A request has the ${field} ${JSON.stringify(value)?.slice(0, 100)}`);
}
