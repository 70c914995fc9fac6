import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { isUint8Array } from 'node:util/types';

export type Log = (event: string, ...values: unknown[]) => void;

/**
 * What one scenario saw, as plain JSON. Entries of one lane are ordered; entries of two lanes are not, which is how a
 * scenario says that Node promises no order between them.
 */
export class Transcript {
  readonly lanes: Record<string, unknown[]> = {};
  readonly #placeholders: [string, string][] = [];

  readonly log: Log = (event, ...values) => this.#add('main', event, values);

  lane(name: string): Log {
    return (event, ...values) => this.#add(name, event, values);
  }

  /** Writes `placeholder` wherever `text` stands, for what differs from run to run: a pid, a temporary folder. */
  hide(text: string, placeholder: string) {
    this.#placeholders.push([text, placeholder]);
  }

  toJSON() {
    let json = JSON.stringify(this.lanes);
    for (const [text, placeholder] of this.#placeholders) json = json.replaceAll(text, placeholder);
    return JSON.parse(json) as unknown;
  }

  #add(lane: string, event: string, values: unknown[]) {
    this.lanes[lane] ??= [];
    this.lanes[lane].push(values.length === 0 ? event : [event, ...values.map((value) => describe(value))]);
  }
}

/** A value as JSON that keeps what `assert.deepStrictEqual` would tell apart. */
export function describe(value: unknown, depth = 0): unknown {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : `<${value}>`;
  if (typeof value === 'string') return describeText(value);
  if (typeof value === 'function') return `<function ${value.name}>`;
  if (typeof value !== 'object') return `<${typeof value}${value === undefined ? '' : ` ${String(value)}`}>`;
  if (value instanceof Error) return describeError(value, depth);
  if (isUint8Array(value))
    return { [value.constructor.name]: describeText(Buffer.from(value).toString('latin1')) };
  if (depth > 4) return '<deep>';
  if (Array.isArray(value)) return value.map((item) => describe(item, depth + 1));
  if (value instanceof Map || value instanceof Set) {
    return { [value.constructor.name]: [...value].map((item) => describe(item, depth + 1)) };
  }
  if (value instanceof Date) return { Date: value.toISOString() };
  if (value instanceof EventEmitter) return `<${value.constructor.name}>`;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, describe(item, depth + 1)]));
}

function describeError(error: Error, depth: number) {
  const fields = Object.entries(error).map(([key, item]) => [key, describe(item, depth + 1)]);
  const message = describeText(error.message);
  return { class: error.constructor.name, name: error.name, message, ...Object.fromEntries(fields) };
}

function describeText(text: string) {
  if (text.length <= 4096) return text;
  return `<${text.length} characters, sha256 ${createHash('sha256').update(text).digest('hex').slice(0, 16)}>`;
}
