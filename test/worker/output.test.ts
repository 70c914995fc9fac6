import test from 'ava';
import { LineCutter } from '../../lib/worker/output.js';

function cut(...chunks: (string | Buffer)[]): string[] {
  const lines: string[] = [];
  const cutter = new LineCutter((line) => lines.push(line));
  for (const chunk of chunks) cutter.push(Buffer.from(chunk));
  cutter.end();
  return lines;
}

test('lines are the same however they arrive', (t) => {
  const text = Buffer.from('one\r\n\nzwölf 😀\nlast');
  const lines = ['one', '', 'zwölf 😀', 'last'];
  t.deepEqual(cut(text), lines);
  t.deepEqual(cut(...Array.from(text, (byte) => Buffer.from([byte]))), lines);
});

test('a long line is cut in pieces of one size, however it arrives', (t) => {
  const line = 'x'.repeat(40_000);
  const lengths = [16_384, 16_384, 7232];
  for (const chunks of [
    [`${line}\n`],
    [line, '\n'],
    [line.slice(0, 30_000), `${line.slice(30_000)}\n`],
    [line],
  ]) {
    t.deepEqual(
      cut(...chunks).map(({ length }) => length),
      lengths,
    );
  }
  t.deepEqual(
    cut(`${'x'.repeat(16_384)}\n`).map(({ length }) => length),
    [16_384],
  );
});

test('bytes that are not UTF-8 do not hold a line up', (t) => {
  t.deepEqual(cut(Buffer.from([0x61, 0xff, 0x62, 0x0a])), ['a\ufffdb']);
});
