import { ProcguardError } from '../errors.js';
import type { ErrorBody } from '../wire/messages.js';
import { WireError } from '../wire/wire-error.js';

// Far below the limit of a header, also when each character takes 6 bytes.
const longestText = 40_000;

/** The handler threw `error`. */
export function handlerFailed(error: unknown): ErrorBody {
  try {
    return describeThrown(error);
  } catch {
    // Its own getters throw.
    return { code: 'handler_failed', message: 'The handler threw what cannot be described' };
  }
}

function describeThrown(error: unknown): ErrorBody {
  if (!(error instanceof Error)) {
    return { code: 'handler_failed', type: typeof error, message: text(error) };
  }
  return {
    code: 'handler_failed',
    type: cut(String(error.name)),
    message: cut(String(error.message)),
    ...(error.stack && { traceback: cut(String(error.stack)) }),
  };
}

export function cancelled(): ErrorBody {
  return { code: 'cancelled', message: 'The request was cancelled' };
}

export function unknownMethod(method: string, known: readonly string[]): ErrorBody {
  return {
    code: 'unknown_method',
    message: cut(`No handler is named '${method.slice(0, 200)}'. There are: ${known.join(', ')}`),
  };
}

/** `error` came up when the handler's value was to be sent. */
export function notSent(error: unknown): ErrorBody {
  if (error instanceof WireError) return { code: 'too_large', message: error.message };
  if (error instanceof ProcguardError && error.code === 'ERR_PROCGUARD_UNSERIALIZABLE') {
    return { code: 'unserializable', message: cut(error.message) };
  }
  // A toJSON or a getter of the value.
  return { ...handlerFailed(error), code: 'unserializable' };
}

function text(value: unknown): string {
  try {
    return cut(String(value));
  } catch {
    return 'A value that has no text';
  }
}

function cut(long: string): string {
  return long.slice(0, longestText);
}
