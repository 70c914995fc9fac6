import type { Answer } from './messages.js';
import { WireError } from './wire-error.js';

/** The answer that a frame's header is; its value is not decoded. Throws a WireError `malformed`. */
export function readAnswer(header: Record<string, unknown>): Answer {
  const { type, id, marked, error } = header;
  if (!Number.isSafeInteger(id) || (id as number) < 1) throw malformed('id', id);
  switch (type) {
    case 'result':
    case 'item':
      if (!('value' in header)) throw malformed('value', undefined);
      if (marked !== undefined && typeof marked !== 'boolean') throw malformed('marked', marked);
      break;
    case 'end':
      break;
    case 'error':
      checkError(error);
      break;
    default:
      throw malformed('type', type);
  }
  return header as unknown as Answer;
}

/** A code that isn't known is a later version's. */
function checkError(error: unknown): void {
  if (typeof error !== 'object' || error === null || Array.isArray(error)) throw malformed('error', error);
  const { code, message, type = '', traceback = '' } = error as Record<string, unknown>;
  for (const [field, text] of Object.entries({ code, message, type, traceback })) {
    if (typeof text !== 'string') throw malformed(`error.${field}`, text);
  }
}

function malformed(field: string, value: unknown): WireError {
  return new WireError('malformed', `An answer has the ${field} ${JSON.stringify(value)?.slice(0, 100)}`);
}
