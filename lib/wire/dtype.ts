import { endianness } from 'node:os';

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

type View = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray;

export interface Dtype {
  readonly elementBytes: number;
  /** What byte order applies to: a complex number is two of them. */
  readonly wordBytes: number;
  readonly isSwapped: boolean;
  /** The same type in this machine's byte order. */
  readonly native: string;
  readonly View: View;
}

const nativeOrder = endianness() === 'LE' ? '<' : '>';
const foreignOrder = nativeOrder === '<' ? '>' : '<';

const views: Readonly<Record<string, View>> = {
  b1: Uint8Array,
  i1: Int8Array,
  u1: Uint8Array,
  i2: Int16Array,
  u2: Uint16Array,
  i4: Int32Array,
  u4: Uint32Array,
  i8: BigInt64Array,
  u8: BigUint64Array,
  // Float16Array is missing up to Node 22.
  f2: Uint16Array,
  f4: Float32Array,
  f8: Float64Array,
  c8: Uint8Array,
  c16: Uint8Array,
};

const kinds = new Map([
  ['Int8Array', 'i1'],
  ['Uint8Array', 'u1'],
  ['Uint8ClampedArray', 'u1'],
  ['Int16Array', 'i2'],
  ['Uint16Array', 'u2'],
  ['Int32Array', 'i4'],
  ['Uint32Array', 'u4'],
  ['BigInt64Array', 'i8'],
  ['BigUint64Array', 'u8'],
  ['Float16Array', 'f2'],
  ['Float32Array', 'f4'],
  ['Float64Array', 'f8'],
]);

const dtypes = new Map(
  Object.entries(views).flatMap(([kind, View]) => {
    const elementBytes = Number(kind.slice(1));
    const wordBytes = kind.startsWith('c') ? elementBytes / 2 : elementBytes;
    const native = `${elementBytes === 1 ? '|' : nativeOrder}${kind}`;
    const dtype = { elementBytes, wordBytes, native, View, isSwapped: false };
    const both: [string, Dtype][] = [[native, dtype]];
    if (elementBytes > 1) both.push([`${foreignOrder}${kind}`, { ...dtype, isSwapped: true }]);
    return both;
  }),
);

/** Undefined: not one of docs/protocol.md. */
export function readDtype(dtype: unknown): Dtype | undefined {
  return typeof dtype === 'string' ? dtypes.get(dtype) : undefined;
}

/** Undefined: not an array of numbers. */
export function dtypeOf(array: ArrayBufferView): string | undefined {
  const kind = kinds.get((array as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? '');
  if (kind === undefined) return undefined;
  return `${kind.endsWith('1') ? '|' : nativeOrder}${kind}`;
}

/** Undefined: not a list of lengths. */
export function elementCount(shape: unknown): number | undefined {
  if (!Array.isArray(shape)) return undefined;
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0)) return undefined;
  // Infinity times 0 is NaN.
  return shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
}
