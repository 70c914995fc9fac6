export { decodeValue } from './decode-value.js';
export type { TypedArray } from './dtype.js';
export { type EncodedValue, encodeValue } from './encode-value.js';
export { NumericArray } from './numeric-array.js';
