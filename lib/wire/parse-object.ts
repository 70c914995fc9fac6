import { isUtf8 } from 'node:buffer';
import { maxDepth } from './limits.js';
import { WireError } from './wire-error.js';

/** One JSON object in UTF-8: all of `bytes`, or a part of them. Throws a WireError: `not_json`, `not_object` or `too_deep`. */
export function parseObject(bytes: Buffer, start = 0, end = bytes.length): Record<string, unknown> {
  const value = parseJson(bytes, start, end);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError('not_object', 'Expected a JSON object');
  }
  if (isTooDeep(bytes, start, end)) {
    throw new WireError('too_deep', `Expected at most ${maxDepth} levels of objects and arrays`);
  }
  return value as Record<string, unknown>;
}

function parseJson(bytes: Buffer, start: number, end: number): unknown {
  const text = bytes.toString('utf8', start, end);
  // toString replaces what isn't UTF-8 by U+FFFD, and the text could be JSON all the same.
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end)))
    throw new WireError('not_json', 'Expected JSON in UTF-8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WireError('not_json', `Expected JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Counts brackets outside of strings: cheaper than to visit the values. `bytes` are valid JSON. */
function isTooDeep(bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= 2 * maxDepth) return false;
  let depth = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === 0x22) {
      at = endOfString(bytes, at);
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) return true;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    }
  }
  return false;
}

function endOfString(bytes: Buffer, start: number): number {
  let at = start + 1;
  while (bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1;
  return at;
}
