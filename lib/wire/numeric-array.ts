import { invalidOption } from '../errors.js';
import { dtypeOf, elementCount, readDtype, type TypedArray } from './dtype.js';

/**
 * An array of numbers with a shape, as numpy has it, in C order. All arrays of numbers are received as this.
 *
 * | dtype | `data` |
 * |---|---|
 * | `\|i1` … `<i4`, `\|u1` … `<u4` | Int8Array … Int32Array, Uint8Array … Uint32Array |
 * | `<i8`, `<u8` | BigInt64Array, BigUint64Array |
 * | `<f4`, `<f8` | Float32Array, Float64Array |
 * | `<f2` | Uint16Array, the bits: Float16Array is missing up to Node 22 |
 * | `\|b1` | Uint8Array of 0 and 1 |
 * | `<c8`, `<c16` | Uint8Array: for each number the bytes of two `<f4` or `<f8` |
 *
 * Received arrays are in this machine's byte order, and `dtype` says so. `data` may be a view of received memory.
 *
 * @example
 * new NumericArray(new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3])
 */
export class NumericArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: string;

  /**
   * `shape` is one-dimensional, and `dtype` that of `data`, when left out. Throws `ERR_PROCGUARD_INVALID_OPTION` when
   * they don't fit the size of `data`.
   */
  constructor(data: TypedArray, shape?: readonly number[], dtype?: string) {
    if (!ArrayBuffer.isView(data)) throw invalidOption('data', data, 'a typed array');
    const type = dtype ?? dtypeOf(data);
    const read = readDtype(type);
    if (read === undefined) {
      throw dtype === undefined
        ? invalidOption('data', data, 'a typed array')
        : invalidOption('dtype', dtype, 'one of numpy, as in `<f4`');
    }
    const extent = shape ?? [data.byteLength / read.elementBytes];
    const count = elementCount(extent);
    if (count === undefined || count * read.elementBytes !== data.byteLength) {
      throw invalidOption(
        'shape',
        shape,
        `whole numbers whose product is ${data.byteLength / read.elementBytes}, the length of \`data\``,
      );
    }
    this.data = data;
    this.shape = extent;
    this.dtype = type as string;
  }
}
