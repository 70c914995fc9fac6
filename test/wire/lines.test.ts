import test from 'ava';
import { maxLineBytes } from '../../lib/wire/limits.js';
import { encodeLine, LineReader } from '../../lib/wire/lines.js';

function readAll(chunks: readonly Buffer[]): unknown[] {
  const reader = new LineReader();
  const read: unknown[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let line = reader.next(); line !== undefined; line = reader.next()) read.push(line);
  }
  return read;
}

test('lines are the same however they are cut', (t) => {
  const messages = [{ type: 'ping', seq: 1 }, { type: 'log', message: 'größe\n😀' }, {}];
  const bytes = Buffer.from(messages.map(encodeLine).join(''));
  for (let cut = 0; cut <= bytes.length; cut++) {
    t.deepEqual(readAll([bytes.subarray(0, cut), bytes.subarray(cut)]), messages);
  }
  t.deepEqual(readAll(Array.from(bytes, (byte) => Buffer.from([byte]))), messages);
});

test('a line at its limit is sent and read, one byte more is refused', (t) => {
  const room = maxLineBytes - encodeLine({ value: '' }).length;
  const line = encodeLine({ value: 'x'.repeat(room) });
  t.is(line.length, maxLineBytes);
  t.is(readAll([Buffer.from(line)]).length, 1);
  t.like(
    t.throws(() => encodeLine({ value: 'x'.repeat(room + 1) })),
    { code: 'line_too_long' },
  );
});

test('a line that is too long is refused before its end has arrived', (t) => {
  t.deepEqual(readAll([Buffer.alloc(maxLineBytes - 1, ' ')]), []);
  const inOne = () => readAll([Buffer.alloc(maxLineBytes, ' ')]);
  t.like(t.throws(inOne), { code: 'line_too_long' });
  const inPieces = () => readAll([Buffer.alloc(60_000, ' '), Buffer.from(`${' '.repeat(6_000)}{}\n`)]);
  t.like(t.throws(inPieces), { code: 'line_too_long' });
});

test('a line that the end of the stream cuts off is an error, whole lines are not', (t) => {
  for (const rest of ['{"type":', '{}\n{}', ' ']) {
    const reader = new LineReader();
    reader.push(Buffer.from('{}\n'));
    reader.push(Buffer.from(rest));
    while (reader.next() !== undefined);
    t.like(
      t.throws(() => reader.end()),
      { code: 'truncated' },
    );
  }
  const reader = new LineReader();
  reader.end();
  reader.push(Buffer.from('{}\n'));
  t.deepEqual(reader.next(), {});
  t.notThrows(() => reader.end());
});

for (const [name, text, code] of [
  ['an empty line', '\n', 'not_json'],
  ['text', 'hello\n', 'not_json'],
  ['a list', '[1]\n', 'not_object'],
  ['101 levels', `{"a":${'['.repeat(100)}${']'.repeat(100)}}\n`, 'too_deep'],
] as const) {
  test(`a line must be one JSON object: ${name}`, (t) => {
    t.like(
      t.throws(() => readAll([Buffer.from(text)])),
      { code },
    );
  });
}
