import type { ExecutionContext } from 'ava';
import { NumericArray } from '../../lib/wire/values.js';
import type { Meaning } from './golden.js';

/** Asserts that a decoded value is what the golden file says. */
export function assertMeaning(t: ExecutionContext, value: unknown, meaning: Meaning): void {
  switch (meaning.is) {
    case 'plain':
      t.deepEqual(value, meaning.value);
      return;
    case 'bytes':
      t.true(Buffer.isBuffer(value));
      t.is((value as Buffer).toString('hex'), meaning.hex);
      return;
    case 'number':
      t.is(value, { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }[meaning.name]);
      return;
    case 'list':
      t.is((value as unknown[]).length, meaning.items.length);
      meaning.items.forEach((item, index) => {
        assertMeaning(t, (value as unknown[])[index], item);
      });
      return;
    case 'object':
      t.is(Object.getPrototypeOf(value), Object.prototype);
      t.deepEqual(Object.keys(value as object), Object.keys(meaning.members));
      for (const [key, member] of Object.entries(meaning.members)) {
        assertMeaning(t, Object.getOwnPropertyDescriptor(value, key)?.value, member);
      }
      return;
    case 'array':
      t.true(value instanceof NumericArray);
      if (!(value instanceof NumericArray)) return;
      t.deepEqual(value.shape, meaning.shape);
      t.is(value.dtype.slice(1), meaning.dtype);
      t.deepEqual(numbersOf(value), meaning.numbers);
  }
}

function numbersOf({ dtype, data }: NumericArray): unknown[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (dtype.slice(1)) {
    case 'b1':
      return Array.from(data as Uint8Array, Boolean);
    case 'i8':
    case 'u8':
      return Array.from(data as BigInt64Array, String);
    case 'f2':
      return Array.from(data as Uint16Array, half);
    case 'c8':
      return pairs(data.byteLength, 4, (at) => view.getFloat32(at, true));
    case 'c16':
      return pairs(data.byteLength, 8, (at) => view.getFloat64(at, true));
    default:
      return Array.from(data as Float64Array, named);
  }
}

function pairs(bytes: number, size: number, read: (at: number) => number): [number, number][] {
  return Array.from({ length: bytes / (2 * size) }, (_, index) => [
    read(2 * index * size),
    read((2 * index + 1) * size),
  ]);
}

/** A normal number of 16 bits: enough for the golden file. */
function half(bits: number): number {
  const magnitude = (1 + (bits & 0x3ff) / 1024) * 2 ** (((bits >> 10) & 0x1f) - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

function named(number: number): unknown {
  if (Number.isFinite(number)) return number;
  return Number.isNaN(number) ? 'nan' : number > 0 ? 'inf' : '-inf';
}
