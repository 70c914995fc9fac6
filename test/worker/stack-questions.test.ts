import test from 'ava';
import { StackQuestions } from '../../lib/worker/stack-questions.js';
import { DEADLINE_MS } from '../helpers/deadline.js';

function start() {
  const told: object[] = [];
  const questions = new StackQuestions();
  return {
    told,
    questions,
    ask: (withinMs = DEADLINE_MS) => questions.ask((message) => told.push(message), withinMs),
  };
}

test('each question has its own number, and its answer is put together from its pieces', async (t) => {
  const { told, questions, ask } = start();
  const asked = [ask(), ask()];
  t.deepEqual(told, [
    { type: 'stacks', id: 1 },
    { type: 'stacks', id: 2 },
  ]);
  questions.take({ type: 'stacks', id: 2, text: 'sec', more: true });
  questions.take({ type: 'stacks', id: 1, text: 'first\n' });
  questions.take({ type: 'stacks', id: 2, text: 'ond\n', more: false });
  t.deepEqual(await Promise.all(asked), ['first', 'second']);
});

test('an answer that comes late, twice, or unasked is passed over', async (t) => {
  const { questions, ask } = start();
  t.is(await ask(1), undefined);
  questions.take({ type: 'stacks', id: 1, text: 'late' });
  questions.take({ type: 'stacks', id: 99, text: 'unasked' });
  const asked = ask();
  questions.take({ type: 'stacks', id: 2, text: 'in time' });
  questions.take({ type: 'stacks', id: 2, text: 'again' });
  t.is(await asked, 'in time');
});

test('an answer without end is cut, and needs no more memory', async (t) => {
  const { questions, ask } = start();
  const asked = ask();
  for (let count = 0; count < 100; count++)
    questions.take({ type: 'stacks', id: 1, text: 'x'.repeat(10_000), more: true });
  questions.take({ type: 'stacks', id: 1, text: 'end' });
  t.is((await asked)!.length, 256 * 1024);
});

test('the end of the worker is the end of all questions', async (t) => {
  const { questions, ask } = start();
  const asked = [ask(), ask()];
  questions.drop();
  t.deepEqual(await Promise.all(asked), [undefined, undefined]);
});
