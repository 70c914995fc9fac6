import test from 'ava';
import { readControl } from '../../lib/wire/read-control.js';

const hello = { type: 'hello', protocol: 1, sdk: 'test/1', pid: 4711, handlers: ['echo'] };
const log = { type: 'log', level: 'info', message: 'loaded' };

for (const message of [
  hello,
  { ...hello, handlers: [], later: true },
  { ...hello, stacks: { signal: 63, descriptor: 5, later: true } },
  { ...hello, stacks: { message: true } },
  { ...hello, stacks: { message: true, signal: 63, descriptor: 5 } },
  { type: 'stacks', id: 1, text: '' },
  { type: 'stacks', id: 1, text: 'Thread 1', more: true },
  { type: 'pong', seq: 0 },
  { type: 'leaving', last: 0 },
  { type: 'leaving', last: 12 },
  log,
  { ...log, level: 'of a later version', fields: { ms: 1 } },
]) {
  test(`a message is read: ${JSON.stringify(message)}`, (t) => {
    t.is(readControl(message) as unknown, message);
  });
}

test('a message of an unknown type is passed over', (t) => {
  t.is(readControl({ type: 'later' }), undefined);
});

test('another version is refused before fields that it may have otherwise', (t) => {
  const other = t.throws(() => readControl({ type: 'hello', protocol: 2, handlers: {} }));
  t.like(other, { code: 'wrong_version' });
  t.regex(other.message, /version 2.*this pool version 1: install matching versions/);
});

for (const [message, what] of [
  [{}, /type undefined/],
  [{ type: 1 }, /type 1/],
  [{ ...hello, protocol: '1' }, /protocol "1"/],
  [{ ...hello, protocol: undefined }, /protocol undefined/],
  [{ ...hello, sdk: null }, /sdk null/],
  [{ ...hello, pid: '4711' }, /pid "4711"/],
  [{ ...hello, pid: 0 }, /pid 0/],
  [{ ...hello, pid: -1 }, /pid -1/],
  [{ ...hello, handlers: undefined }, /handlers undefined/],
  [{ ...hello, handlers: { echo: 1 } }, /handlers {"echo":1}/],
  [{ ...hello, handlers: ['echo', 1] }, /handlers \["echo",1\]/],
  [{ ...hello, stacks: null }, /stacks null/],
  [{ ...hello, stacks: {} }, /stacks {}/],
  [{ ...hello, stacks: { message: 1 } }, /stacks {"message":1}/],
  [{ ...hello, stacks: { message: true, signal: 63 } }, /stacks {"message":true,"signal":63}/],
  [{ type: 'stacks', text: '' }, /A stacks message has the id undefined/],
  [{ type: 'stacks', id: 1 }, /text undefined/],
  [{ type: 'stacks', id: 1, text: '', more: 1 }, /more 1/],
  [{ ...hello, stacks: { signal: 63 } }, /stacks {"signal":63}/],
  [{ ...hello, stacks: { signal: 0, descriptor: 5 } }, /stacks {"signal":0/],
  [{ ...hello, stacks: { signal: 65, descriptor: 5 } }, /stacks {"signal":65/],
  [{ ...hello, stacks: { signal: '63', descriptor: 5 } }, /stacks {"signal":"63"/],
  [{ ...hello, stacks: { signal: 63, descriptor: -1 } }, /stacks {"signal":63,"descriptor":-1/],
  [{ type: 'pong' }, /seq undefined/],
  [{ type: 'pong', seq: '7' }, /seq "7"/],
  [{ type: 'leaving' }, /last undefined/],
  [{ type: 'leaving', last: -1 }, /last -1/],
  [{ type: 'leaving', last: 1.5 }, /last 1.5/],
  [{ type: 'leaving', last: '12' }, /last "12"/],
  [{ ...log, level: 3 }, /level 3/],
  [{ ...log, message: { text: 'x' } }, /message {"text":"x"}/],
  [{ ...log, fields: [1] }, /fields \[1\]/],
  [{ ...log, fields: null }, /fields null/],
] as [Record<string, unknown>, RegExp][]) {
  test(`a message is refused: ${JSON.stringify(message)} for its ${what.source}`, (t) => {
    t.like(
      t.throws(() => readControl(message), { message: what }),
      { code: 'malformed' },
    );
  });
}
