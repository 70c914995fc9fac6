import { protocolVersion } from './limits.js';
import type { ControlFromWorker } from './messages.js';
import { WireError } from './wire-error.js';

/** A worker's control message; undefined for a type that isn't known. Throws a WireError, `malformed` or `wrong_version`. */
export function readControl(message: Record<string, unknown>): ControlFromWorker | undefined {
  const { type } = message;
  if (typeof type !== 'string') throw malformed('A control message', 'type', type);
  switch (type) {
    case 'hello':
      checkHello(message);
      break;
    case 'pong':
      if (!Number.isSafeInteger(message.seq)) throw malformed('A pong', 'seq', message.seq);
      break;
    case 'log':
      checkLog(message);
      break;
    case 'leaving':
      if (!Number.isSafeInteger(message.last) || (message.last as number) < 0)
        throw malformed('A leaving message', 'last', message.last);
      break;
    case 'stacks':
      checkStackText(message);
      break;
    default:
      return undefined;
  }
  return message as unknown as ControlFromWorker;
}

function checkHello({ protocol, sdk, pid, handlers, stacks }: Record<string, unknown>): void {
  if (!Number.isSafeInteger(protocol)) throw malformed('A hello', 'protocol', protocol);
  // Before the other fields, which another version may have otherwise.
  if (protocol !== protocolVersion) {
    throw new WireError(
      'wrong_version',
      `It speaks version ${protocol} of the worker protocol, and this pool version ${protocolVersion}: install matching versions of procguard on both sides`,
    );
  }
  if (typeof sdk !== 'string') throw malformed('A hello', 'sdk', sdk);
  if (!Number.isSafeInteger(pid) || (pid as number) < 1) throw malformed('A hello', 'pid', pid);
  if (!Array.isArray(handlers) || !handlers.every((name) => typeof name === 'string')) {
    throw malformed('A hello', 'handlers', handlers);
  }
  if (stacks !== undefined && !isStackOffer(stacks)) throw malformed('A hello', 'stacks', stacks);
}

function isStackOffer(stacks: unknown): boolean {
  if (typeof stacks !== 'object' || stacks === null) return false;
  const { message, signal, descriptor } = stacks as Record<string, unknown>;
  if (message !== undefined && typeof message !== 'boolean') return false;
  if (signal === undefined && descriptor === undefined) return message !== undefined;
  const isSignal = Number.isSafeInteger(signal) && (signal as number) >= 1 && (signal as number) <= 64;
  return isSignal && Number.isSafeInteger(descriptor) && (descriptor as number) >= 0;
}

function checkLog({ level, message, fields = {} }: Record<string, unknown>): void {
  if (typeof level !== 'string') throw malformed('A log message', 'level', level);
  if (typeof message !== 'string') throw malformed('A log message', 'message', message);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw malformed('A log message', 'fields', fields);
  }
}

function checkStackText({ id, text, more }: Record<string, unknown>): void {
  if (!Number.isSafeInteger(id)) throw malformed('A stacks message', 'id', id);
  if (typeof text !== 'string') throw malformed('A stacks message', 'text', text);
  if (more !== undefined && typeof more !== 'boolean') throw malformed('A stacks message', 'more', more);
}

function malformed(what: string, field: string, value: unknown): WireError {
  return new WireError('malformed', `${what} has the ${field} ${JSON.stringify(value)?.slice(0, 100)}`);
}
