import { ProcguardError } from '../errors.js';
import { dtypeOf, type TypedArray } from './dtype.js';
import { maxDepth } from './limits.js';
import { NumericArray } from './numeric-array.js';

export interface EncodedValue {
  /** For the header. The very object that was given, when all of it is plain JSON. */
  readonly value: unknown;
  /** Not copied: must not be changed until they are written. */
  readonly parts: readonly Uint8Array[];
  /** Whether the header needs `marked: true`. */
  readonly marked: boolean;
}

// The header is the first level.
const maxValueDepth = maxDepth - 1;
const bytesLevels = 1;
const numberLevels = 1;
const arrayLevels = 3;
const dollar = 0x24;
const none: readonly never[] = Object.freeze([]);

/**
 * Prepares a value for a header, as JSON.stringify would, `toJSON` included, so that a Date is sent as its ISO string.
 * Beyond that, Buffer, Uint8Array, ArrayBuffer and DataView are sent as bytes, other typed arrays and NumericArray
 * as arrays of numbers, and NaN and infinities as such. `undefined` is null in arrays and on its own, and left out in
 * objects.
 *
 * Throws `ERR_PROCGUARD_UNSERIALIZABLE` for a function, a symbol, a BigInt, a Map, a Set, a promise, an Error, a RegExp, a Blob, a
 * weak reference, a cycle, or more than 99 levels; the message says where, in terms of `root`.
 */
export function encodeValue(value: unknown, root = 'value'): EncodedValue {
  if (value !== undefined && isPlainJson(value, 0)) return { value, parts: none, marked: false };
  const encoder = new Encoder(root);
  const encoded = value === undefined ? null : encoder.encode(value, 0);
  return { value: encoded, parts: encoder.parts, marked: encoder.marked };
}

class Encoder {
  readonly parts: Uint8Array[] = [];
  marked = false;
  readonly #root: string;
  // Keys and objects that lead to the value in hand, valid up to its depth.
  readonly #path: (string | number)[] = [];
  readonly #ancestors: object[] = [];
  #markerLevels = 0;
  #partNumbers: Map<object, number> | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** `depth` is the number of containers around the value. */
  encode(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
      case 'undefined':
        return value;
      case 'number':
        return Number.isFinite(value) ? value : this.#number(value, depth);
      case 'object':
        return value === null ? null : this.#object(value, depth);
      case 'function':
        throw this.#refuse(depth, 'is a function', 'Leave it out, or send data that says what to do');
      case 'symbol':
        throw this.#refuse(depth, 'is a symbol', 'Send its description, a string');
      case 'bigint':
        throw this.#refuse(
          depth,
          'is a BigInt',
          'Send a string, a number up to 2^53 - 1, or many of them as a BigInt64Array',
        );
    }
  }

  #object(value: object, depth: number): unknown {
    if (Array.isArray(value)) {
      return hasToJson(value) ? this.#replaced(value, depth) : this.#list(value, depth);
    }
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return hasToJson(value) ? this.#replaced(value, depth) : this.#members(value, depth);
    }
    // Before toJSON, because Buffer has one.
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
      return this.#binary(value, depth);
    if (value instanceof NumericArray) return this.#array(value, value, depth);
    if (hasToJson(value)) return this.#replaced(value, depth);
    if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      return this.encode(value.valueOf(), depth);
    }
    this.#checkInstance(value, depth);
    return this.#members(value, depth);
  }

  #checkInstance(value: object, depth: number): void {
    if (value instanceof Map) {
      throw this.#refuse(depth, 'is a Map', 'Send Object.fromEntries(map), or [...map]');
    }
    if (value instanceof Set) throw this.#refuse(depth, 'is a Set', 'Send [...set]');
    if (value instanceof Promise) throw this.#refuse(depth, 'is a promise', 'Await it first');
    // Of these JSON makes an empty object.
    if (value instanceof Error) throw this.#refuse(depth, 'is an Error', 'Send its message, or its stack');
    if (value instanceof RegExp) throw this.#refuse(depth, 'is a regular expression', 'Send its source');
    if (value instanceof Blob) throw this.#refuse(depth, 'is a Blob', 'Send await blob.arrayBuffer()');
    if (value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) {
      throw this.#refuse(depth, 'is a weak reference', 'Send what it refers to');
    }
    if (value instanceof Symbol || value instanceof BigInt) {
      throw this.#refuse(depth, 'is a boxed symbol or BigInt', 'Send a string');
    }
  }

  #replaced(value: object & { toJSON: (key: string) => unknown }, depth: number): unknown {
    const plain = value.toJSON(depth === 0 ? '' : String(this.#path[depth - 1]));
    if (typeof plain !== 'object' || plain === null) return this.encode(plain, depth);
    // toJSON is called once, also when its result has one.
    if (Array.isArray(plain)) return this.#list(plain, depth);
    return hasToJson(plain) ? this.#members(plain, depth, true) : this.#object(plain, depth);
  }

  #list(list: readonly unknown[], depth: number): readonly unknown[] {
    this.#enter(list, depth, 1);
    let copy: unknown[] | undefined;
    for (let index = 0; index < list.length; index++) {
      const item = list[index];
      if (isPlain(item)) continue;
      this.#path[depth] = index;
      const encoded = this.encode(item, depth + 1);
      if (encoded === item) continue;
      copy ??= list.slice();
      copy[index] = encoded;
    }
    return copy ?? list;
  }

  #members(object: object, depth: number, mustCopy = false): object {
    const members = object as Record<string, unknown>;
    const keys = Object.keys(members);
    const isEscaped = keys.some((key) => key.charCodeAt(0) === dollar);
    if (isEscaped) this.#markerLevels++;
    this.#enter(object, depth, 1);
    let copy: Record<string, unknown> | undefined = mustCopy ? copyOf(members, keys) : undefined;
    for (const key of keys) {
      const item = members[key];
      if (isPlain(item)) continue;
      this.#path[depth] = key;
      const encoded = this.encode(item, depth + 1);
      if (encoded === item) continue;
      copy ??= copyOf(members, keys);
      put(copy, key, encoded);
    }
    if (!isEscaped) return copy ?? object;
    this.#markerLevels--;
    this.marked = true;
    return { $object: copy ?? object };
  }

  #number(value: number, depth: number): unknown {
    this.#checkDepth(depth, numberLevels);
    this.marked = true;
    return { $number: Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf' };
  }

  #binary(value: ArrayBufferView | ArrayBufferLike, depth: number): unknown {
    const dtype = ArrayBuffer.isView(value) && !(value instanceof Uint8Array) ? dtypeOf(value) : undefined;
    if (dtype !== undefined) {
      const array = value as TypedArray;
      return this.#array(array, { data: array, shape: [array.length], dtype }, depth);
    }
    this.#checkDepth(depth, bytesLevels);
    return { $bytes: this.#part(value, value) };
  }

  #array(
    value: object,
    { data, shape, dtype }: Pick<NumericArray, 'data' | 'shape' | 'dtype'>,
    depth: number,
  ): unknown {
    this.#checkDepth(depth, arrayLevels);
    return { $array: { part: this.#part(value, data), dtype, shape } };
  }

  /** One object is one part, however often it occurs. */
  #part(object: object, bytes: ArrayBufferView | ArrayBufferLike): number {
    this.marked = true;
    this.#partNumbers ??= new Map();
    const known = this.#partNumbers.get(object);
    if (known !== undefined) return known;
    const number = this.parts.length;
    this.#partNumbers.set(object, number);
    this.parts.push(
      ArrayBuffer.isView(bytes)
        ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        : new Uint8Array(bytes),
    );
    return number;
  }

  #enter(container: object, depth: number, levels: number): void {
    this.#checkDepth(depth, levels, container);
    this.#ancestors[depth] = container;
  }

  /** A cycle is found here too: it has no end. To look for it at each level would cost more than all the rest. */
  #checkDepth(depth: number, levels: number, container?: object): void {
    if (depth + this.#markerLevels + levels <= maxValueDepth) return;
    const around = [...this.#ancestors.slice(0, depth), container];
    const repeated = around.findIndex((object, index) => object && around.indexOf(object) < index);
    if (repeated > 0) {
      throw this.#refuse(
        repeated,
        `is \`${this.#name(around.indexOf(around[repeated]))}\` again, a cycle`,
        'Send identifiers in place of references',
      );
    }
    throw this.#refuse(
      depth,
      `is nested more than ${maxValueDepth} levels deep, markers included`,
      'Send it flatter, or as a string of JSON',
    );
  }

  #refuse(depth: number, what: string, advice: string): ProcguardError {
    return new ProcguardError(
      'ERR_PROCGUARD_UNSERIALIZABLE',
      `Can't send \`${this.#name(depth)}\`: it ${what}. ${advice}.`,
    );
  }

  #name(depth: number): string {
    return this.#path.slice(0, depth).reduce<string>((name, key) => name + accessor(key), this.#root);
  }
}

function accessor(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** Whether the encoder would leave the value as it is. It looks without a note of where it is, so that it makes no garbage. */
function isPlainJson(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return isPlain(value);
  if (depth >= maxValueDepth || hasToJson(value)) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++)
      if (!isPlainJson(value[index], depth + 1)) return false;
    return true;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    if (key.charCodeAt(0) === dollar) return false;
    if (!isPlainJson((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return Number.isFinite(value);
    default:
      return value === null;
  }
}

function hasToJson(value: object): value is { toJSON: (key: string) => unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

function copyOf(members: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of keys) put(copy, key, members[key]);
  return copy;
}

function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  // Assigned, it would be the prototype.
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
