import test from 'ava';
import { ProcguardError } from '../../lib/errors.js';
import { encodeFrame, FrameReader } from '../../lib/wire/frames.js';
import { decodeValue, encodeValue, NumericArray } from '../../lib/wire/values.js';

/** What the other side of a connection receives. */
function sent(value: unknown): unknown {
  const encoded = encodeValue(value);
  const reader = new FrameReader();
  const header = { value: encoded.value, ...(encoded.marked && { marked: true }) };
  for (const piece of encodeFrame(header, encoded.parts)) reader.push(piece);
  const frame = reader.next()!;
  return decodeValue(frame.header.value, frame.parts, frame.header.marked === true);
}

test('plain JSON is not copied', (t) => {
  const value = { a: [1, 'two', { three: null }], b: undefined, c: [undefined] };
  const encoded = encodeValue(value);
  t.is(encoded.value, value);
  t.deepEqual(encoded, { value, parts: [], marked: false });
});

test('only what leads to a marker is copied, and the original stays as it is', (t) => {
  const plain = { rows: [1, 2] };
  const value = { plain, scores: [1, Number.NaN] };
  const encoded = encodeValue(value);
  t.true(encoded.marked);
  t.is((encoded.value as typeof value).plain, plain);
  t.deepEqual(value, { plain: { rows: [1, 2] }, scores: [1, Number.NaN] });
  t.deepEqual(sent(value), value);
});

test('undefined and toJSON are as in JSON.stringify', (t) => {
  const date = new Date(0);
  const keys: string[] = [];
  const keyed = {
    toJSON(key: string) {
      keys.push(key);
      return key;
    },
  };
  class Point {
    x = 1;
    toJSON() {
      return this;
    }
  }
  const value = { date, none: undefined, list: [undefined, keyed, date], keyed, point: new Point() };
  t.deepEqual(sent(value), JSON.parse(JSON.stringify(value)));
  t.deepEqual(keys.slice(0, 2), ['1', 'keyed']);
  t.is(sent(undefined), null);
  t.is(sent(new Number(1)), 1);
  t.is(sent(new Date(Number.NaN)), null);
});

test('a key that is __proto__ stays a key', (t) => {
  const value = JSON.parse('{"__proto__":{"a":1},"bytes":0}');
  value.bytes = Buffer.from('x');
  const received = sent(value) as object;
  t.is(Object.getPrototypeOf(received), Object.prototype);
  t.deepEqual(Object.getOwnPropertyDescriptor(received, '__proto__')?.value, { a: 1 });
});

for (const [name, value] of [
  ['Buffer', Buffer.from([1, 2, 3])],
  ['Uint8Array', new Uint8Array([1, 2, 3])],
  ['ArrayBuffer', new Uint8Array([1, 2, 3]).buffer],
  ['DataView', new DataView(new Uint8Array([0, 1, 2, 3]).buffer, 1)],
] as const) {
  test(`${name} is received as a Buffer`, (t) => {
    t.deepEqual(sent(value), Buffer.from([1, 2, 3]));
    t.deepEqual(sent([{ deep: value }]), [{ deep: Buffer.from([1, 2, 3]) }]);
  });
}

for (const data of [
  new Int8Array([-1, 2]),
  new Int16Array([-1, 2]),
  new Uint16Array([1, 2]),
  new Int32Array([-1, 2]),
  new Uint32Array([1, 2]),
  new Float32Array([0.5, Number.NaN]),
  new Float64Array([0.1, Infinity]),
  new BigInt64Array([-1n, 2n ** 62n]),
  new BigUint64Array([1n, 2n ** 64n - 1n]),
]) {
  test(`${data.constructor.name} is received as a NumericArray of the same numbers`, (t) => {
    const received = sent(['an odd offset', Buffer.from('x'), data]) as [string, Buffer, NumericArray];
    t.deepEqual(received[2].data, data);
    t.deepEqual(received[2].shape, [2]);
    t.deepEqual(sent(received[2]), received[2]);
  });
}

test('an aligned array is a view of what was received, another is a copy', (t) => {
  const memory = Buffer.from(new ArrayBuffer(64));
  const marker = { $array: { part: 0, dtype: '<f4', shape: [2] } };
  const aligned = decodeValue(structuredClone(marker), [memory.subarray(4, 12)], true) as NumericArray;
  t.is(aligned.data.buffer, memory.buffer);
  const odd = decodeValue(structuredClone(marker), [memory.subarray(5, 13)], true) as NumericArray;
  t.not(odd.data.buffer, memory.buffer);
});

test('one object that occurs twice is one part, and one object again', (t) => {
  const bytes = Buffer.from('x');
  const array = new NumericArray(new Float32Array(6), [2, 3]);
  t.is(encodeValue([bytes, bytes, array, array]).parts.length, 2);
  const received = sent([bytes, bytes, array, array]) as unknown[];
  t.is(received[0], received[1]);
  t.is(received[2], received[3]);
});

test('a NumericArray checks its shape and dtype', (t) => {
  const code = 'ERR_PROCGUARD_INVALID_OPTION';
  t.is(new NumericArray(new Float32Array(1), []).dtype, '<f4');
  t.deepEqual(new NumericArray(new Uint8Array(16), undefined, '<c8').shape, [2]);
  t.like(
    t.throws(() => new NumericArray(new Float32Array(5), [2, 3])),
    { code },
  );
  t.like(
    t.throws(() => new NumericArray(new Float32Array(5), [2.5, 2])),
    { code },
  );
  t.like(
    t.throws(() => new NumericArray(new Float32Array(5), undefined, 'f4')),
    { code },
  );
  t.like(
    t.throws(() => new NumericArray([1] as unknown as Float32Array)),
    { code },
  );
});

const cyclic: Record<string, unknown> = { list: [] };
(cyclic.list as unknown[]).push({ again: cyclic });

for (const [what, value, place] of [
  ['a function', [{ rows: [1, 2, 3, () => 1] }], 'args[0].rows[3]'],
  ['a symbol', { 'a b': Symbol('x') }, 'args["a b"]'],
  ['a BigInt', [1n], 'args[0]'],
  ['a Map', { a: new Map() }, 'args.a'],
  ['a Set', [[new Set()]], 'args[0][0]'],
  ['a promise', [Promise.resolve()], 'args[0]'],
  ['a cycle', [cyclic], 'args[0].list[0].again'],
  ['a function beneath a dollar', { $a: { b: () => 1 } }, 'args.$a.b'],
] as const) {
  test(`${what} is refused by its path`, (t) => {
    const error = t.throws(() => encodeValue(value, 'args'), { instanceOf: ProcguardError })!;
    t.is(error.code, 'ERR_PROCGUARD_UNSERIALIZABLE');
    t.true(error.message.includes(`\`${place}\``), error.message);
  });
}

function nest(levels: number, inner: unknown): unknown {
  return levels === 0 ? inner : [nest(levels - 1, inner)];
}

for (const [name, fits, over] of [
  ['lists', nest(99, 1), nest(100, 1)],
  ['bytes', nest(98, Buffer.from('x')), nest(99, Buffer.from('x'))],
  ['numbers', nest(98, Number.NaN), nest(99, Number.NaN)],
  ['arrays', nest(96, new Float32Array(1)), nest(97, new Float32Array(1))],
  ['escapes', nest(97, { $a: 1 }), nest(98, { $a: 1 })],
] as const) {
  test(`what is sent is never too deep to be read: ${name}`, (t) => {
    t.notThrows(() => sent(fits));
    t.like(
      t.throws(() => sent(over)),
      { code: 'ERR_PROCGUARD_UNSERIALIZABLE' },
    );
  });
}

test('values made at random are received as they were sent', (t) => {
  let seed = 20_250_101;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const key = () => ['a', '$', '$bytes', '$object', '__proto__', 'ö', ''][random(7)]!;
  const make = (depth: number): unknown => {
    switch (random(depth > 5 ? 7 : 10)) {
      case 0:
        return random(2 ** 24) / 7;
      case 1:
        return ['', 'text', '$number', '😀'][random(4)];
      case 2:
        return [null, true, false][random(3)];
      case 3:
        return [Number.NaN, Infinity, -Infinity][random(3)];
      case 4:
        return Buffer.alloc(random(20), random(256));
      case 5:
        return new NumericArray(new Float64Array(random(4)).fill(random(100)));
      case 6:
        return new NumericArray(new Int16Array(6).fill(random(100)), [3, 2]);
      case 7:
        return Array.from({ length: random(4) }, () => make(depth + 1));
      default:
        return Object.fromEntries(Array.from({ length: random(4) }, () => [key(), make(depth + 1)]));
    }
  };
  for (let round = 0; round < 3000; round++) {
    const value = make(0);
    t.deepEqual(sent(value), value);
  }
});
