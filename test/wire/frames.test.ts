import test from 'ava';
import { encodeFrame, FrameReader } from '../../lib/wire/frames.js';
import { maxBodyBytes, maxDepth, maxHeaderBytes } from '../../lib/wire/limits.js';

test('1,000 frames in one chunk are read without a copy', (t) => {
  const frames = Array.from({ length: 1000 }, (_, id) =>
    encodeFrame({ type: 'item', id, value: { $bytes: 0 }, marked: true }, [Buffer.from(`part ${id}`)]),
  );
  const chunk = Buffer.concat(frames.flat());
  const reader = new FrameReader();
  reader.push(chunk);
  for (let id = 0; id < 1000; id++) {
    const frame = reader.next()!;
    t.is(frame.header.id, id);
    t.is(frame.parts[0]!.toString(), `part ${id}`);
    t.is(frame.parts[0]!.buffer, chunk.buffer);
  }
  t.is(reader.next(), undefined);
  t.notThrows(() => reader.end());
});

test('a large body that arrives in pieces is copied into one buffer', (t) => {
  const part = Buffer.alloc(2 ** 22, 'abcdefg');
  const bytes = Buffer.concat(encodeFrame({ id: 1 }, [part, Buffer.from('end')]));
  const reader = new FrameReader();
  for (let at = 0; at < bytes.length; at += 65_536) {
    t.is(reader.next(), undefined);
    reader.push(bytes.subarray(at, at + 65_536));
  }
  const { parts } = reader.next()!;
  t.true(parts[0]!.equals(part));
  t.is(parts[1]!.toString(), 'end');
  t.is(parts[0]!.buffer, parts[1]!.buffer);
});

test('parts under 16 KiB are joined with the header, larger ones are sent as they are', (t) => {
  t.is(encodeFrame({}, [Buffer.alloc(10), Buffer.alloc(16_000)]).length, 1);
  const large = new Uint8Array(16_384);
  const pieces = encodeFrame({}, [Buffer.alloc(10), large, Buffer.alloc(1), Buffer.alloc(2)]);
  t.is(pieces.length, 3);
  t.is(pieces[1]!.buffer, large.buffer);
  t.is(pieces[2]!.length, 3);
});

test('a header at its limit is sent and read, one byte more is refused', (t) => {
  const room = maxHeaderBytes - JSON.stringify({ value: '' }).length;
  const reader = new FrameReader();
  for (const piece of encodeFrame({ value: 'x'.repeat(room) }, [])) reader.push(piece);
  t.is((reader.next()!.header.value as string).length, room);
  t.like(
    t.throws(() => encodeFrame({ value: 'x'.repeat(room + 1) }, [])),
    { code: 'header_too_large' },
  );
});

test('a body over its limit is refused before anything is sent', (t) => {
  const part = { byteLength: maxBodyBytes + 1 } as Uint8Array;
  t.like(
    t.throws(() => encodeFrame({}, [part])),
    { code: 'body_too_large' },
  );
});

test('a mebibyte of brackets is an error, not a crash', (t) => {
  for (const text of ['['.repeat(maxHeaderBytes), `{"a":${'['.repeat(maxDepth + 1)}`]) {
    const reader = new FrameReader();
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32BE(text.length);
    reader.push(Buffer.concat([prefix, Buffer.from(text)]));
    t.like(
      t.throws(() => reader.next()),
      { code: 'not_json' },
    );
  }
});

test('lengths over the limits are refused before the rest has arrived', (t) => {
  const reader = new FrameReader();
  reader.push(Buffer.from('0000000240000001', 'hex'));
  const error = t.throws(() => reader.next());
  t.like(error, { code: 'body_too_large' });
  reader.push(Buffer.from('{}'));
  t.is(
    t.throws(() => reader.next()),
    error,
    'a reader that failed stays failed',
  );
  t.is(
    t.throws(() => reader.end()),
    error,
  );
});
