import test from 'ava';
import { encodeFrame, type Frame, FrameReader } from '../../lib/wire/frames.js';
import { decodeValue } from '../../lib/wire/values.js';
import { WireError } from '../../lib/wire/wire-error.js';
import { readGolden } from './golden.js';
import { assertMeaning } from './meaning.js';

const { frames, errors, values } = readGolden();

function readAll(chunks: readonly Buffer[]): Frame[] {
  const reader = new FrameReader();
  const read: Frame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) read.push(frame);
  }
  reader.end();
  return read;
}

function toHex(frame: Frame): { header: unknown; parts: string[] } {
  return { header: frame.header, parts: frame.parts.map((part) => part.toString('hex')) };
}

for (const { name, hex, header, parts } of frames) {
  test(`a frame means what the golden file says: ${name}`, (t) => {
    t.deepEqual(readAll([Buffer.from(hex, 'hex')]).map(toHex), [{ header, parts }]);
  });

  test(`a frame is the same however it is cut: ${name}`, (t) => {
    const bytes = Buffer.from(hex, 'hex');
    for (let cut = 1; cut < bytes.length; cut++) {
      const read = readAll([bytes.subarray(0, cut), bytes.subarray(cut)]);
      t.deepEqual(read.map(toHex), [{ header, parts }]);
    }
    const single = Array.from(bytes, (byte) => Buffer.from([byte]));
    t.deepEqual(readAll(single).map(toHex), [{ header, parts }]);
  });

  test(`a frame that was read and written is the same: ${name}`, (t) => {
    const buffers = parts.map((part) => Buffer.from(part, 'hex'));
    t.deepEqual(readAll(encodeFrame(header, buffers)).map(toHex), [{ header, parts }]);
  });
}

for (const { name, hex, code } of errors) {
  test(`an error has its code: ${name}`, (t) => {
    const read = () => {
      for (const { header, parts } of readAll([Buffer.from(hex, 'hex')])) {
        decodeValue(header.value, parts, header.marked === true);
      }
    };
    t.like(t.throws(read, { instanceOf: WireError }), { code });
  });
}

for (const { name, value, parts, meaning } of values) {
  test(`a value means what the golden file says: ${name}`, (t) => {
    const buffers = parts.map((part) => Buffer.from(part, 'hex'));
    assertMeaning(t, decodeValue(structuredClone(value), buffers, true), meaning);
  });
}
