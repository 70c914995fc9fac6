import test from 'ava';
import { readAnswer } from '../../lib/wire/read-answer.js';

const error = { code: 'handler_failed', message: 'no' };

for (const header of [
  { type: 'result', id: 1, value: null },
  { type: 'item', id: 2 ** 53 - 1, value: { $bytes: 0 }, marked: true, parts: [0] },
  { type: 'end', id: 1, later: true },
  { type: 'error', id: 1, error },
  { type: 'error', id: 1, error: { ...error, code: 'of a later version', type: 'E', traceback: 't' } },
]) {
  test(`an answer is read: ${JSON.stringify(header)}`, (t) => {
    t.is(readAnswer(header) as unknown, header);
  });
}

for (const [header, message] of [
  [{ type: 'result', value: 1 }, /id undefined/],
  [{ type: 'result', id: '1', value: 1 }, /id "1"/],
  [{ type: 'result', id: 0, value: 1 }, /id 0/],
  [{ type: 'result', id: 1.5, value: 1 }, /id 1.5/],
  [{ type: 'result', id: 2 ** 53, value: 1 }, /id 9007199254740992/],
  [{ type: 'result', id: 1 }, /value undefined/],
  [{ type: 'item', id: 1, value: 1, marked: 1 }, /marked 1/],
  [{ type: 'progress', id: 1 }, /type "progress"/],
  [{ id: 1 }, /type undefined/],
  [{ type: 'error', id: 1 }, /error undefined/],
  [{ type: 'error', id: 1, error: 'no' }, /error "no"/],
  [{ type: 'error', id: 1, error: [] }, /error \[\]/],
  [{ type: 'error', id: 1, error: { message: 'no' } }, /error.code undefined/],
  [{ type: 'error', id: 1, error: { code: 'x' } }, /error.message undefined/],
  [{ type: 'error', id: 1, error: { ...error, type: 1 } }, /error.type 1/],
  [{ type: 'error', id: 1, error: { ...error, traceback: [] } }, /error.traceback \[\]/],
] as [Record<string, unknown>, RegExp][]) {
  test(`an answer is refused: ${JSON.stringify(header)}`, (t) => {
    t.like(
      t.throws(() => readAnswer(header), { message }),
      { name: 'WireError', code: 'malformed' },
    );
  });
}
