import { elementCount, readDtype, type TypedArray } from './dtype.js';
import { NumericArray } from './numeric-array.js';
import { WireError } from './wire-error.js';

/**
 * The value that a header carries. Takes `value` over: containers are changed in place. Bytes are views of `parts`, and
 * so are arrays that are aligned and in this machine's byte order. Throws a WireError `bad_marker`.
 */
export function decodeValue(value: unknown, parts: readonly Buffer[], marked: boolean): unknown {
  return marked ? new Decoder(parts).decode(value) : value;
}

class Decoder {
  readonly #parts: readonly Buffer[];
  readonly #arrays = new Map<string, NumericArray>();

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts;
  }

  decode(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) value[index] = this.decode(value[index]);
      return value;
    }
    const object = value as Record<string, unknown>;
    const keys = Object.keys(object);
    if (!keys.some((key) => key.startsWith('$'))) return this.#members(object, keys);
    if (keys.length > 1) throw badMarker(`an object with the keys ${keys.slice(0, 4).join(', ')}`);
    return this.#marker(keys[0] as string, Object.values(object)[0]);
  }

  #members(object: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
    for (const key of keys) object[key] = this.decode(object[key]);
    return object;
  }

  #marker(name: string, content: unknown): unknown {
    switch (name) {
      case '$bytes':
        return this.#part(content);
      case '$array':
        return this.#array(object(content, name));
      case '$number':
        return number(content);
      case '$object': {
        const members = object(content, name);
        return this.#members(members, Object.keys(members));
      }
      default:
        throw badMarker(name);
    }
  }

  #part(index: unknown): Buffer {
    const part = Number.isSafeInteger(index) ? this.#parts[index as number] : undefined;
    if (part === undefined) {
      throw badMarker(`part ${JSON.stringify(index)} of ${this.#parts.length} parts`);
    }
    return part;
  }

  #array({ part: index, dtype, shape }: Record<string, unknown>): NumericArray {
    const part = this.#part(index);
    const type = readDtype(dtype);
    if (type === undefined) throw badMarker(`dtype ${JSON.stringify(dtype)}`);
    const count = elementCount(shape);
    if (count === undefined || count * type.elementBytes !== part.length) {
      throw badMarker(
        `shape ${JSON.stringify(shape)} of ${type.elementBytes} bytes each in a part of ${part.length} bytes`,
      );
    }
    // What is referred to twice is one object twice.
    const key = `${index} ${dtype} ${shape}`;
    let array = this.#arrays.get(key);
    if (array === undefined) {
      const bytes = type.isSwapped ? swapped(part, type.wordBytes) : part;
      array = new NumericArray(view(bytes, type.View), shape as number[], type.native);
      this.#arrays.set(key, array);
    }
    return array;
  }
}

function object(content: unknown, marker: string): Record<string, unknown> {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw badMarker(`a ${marker} without an object`);
  }
  return content as Record<string, unknown>;
}

function number(name: unknown): number {
  switch (name) {
    case 'nan':
      return Number.NaN;
    case 'inf':
      return Number.POSITIVE_INFINITY;
    case '-inf':
      return Number.NEGATIVE_INFINITY;
    default:
      throw badMarker(`$number ${JSON.stringify(name)}`);
  }
}

type ViewClass = NonNullable<ReturnType<typeof readDtype>>['View'];

function view(bytes: Buffer, View: ViewClass): TypedArray {
  const size = (View as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : copyOf(bytes);
  return new View(aligned.buffer, aligned.byteOffset, bytes.length / size);
}

function swapped(bytes: Buffer, wordBytes: number): Buffer {
  const copy = copyOf(bytes);
  if (wordBytes === 2) return copy.swap16();
  return wordBytes === 4 ? copy.swap32() : copy.swap64();
}

/** Aligned for every type, as memory from Node's pool need not be. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.from(new ArrayBuffer(bytes.length));
  bytes.copy(copy);
  return copy;
}

function badMarker(what: string): WireError {
  return new WireError('bad_marker', `A value has ${what}`);
}
