import type { StackText } from '../wire/messages.js';

// As much as is read of the file that a signal's answer goes to.
const maxChars = 256 * 1024;

interface Question {
  text: string;
  answered(text: string | undefined): void;
}

/** The questions for stacks that one worker was sent as messages, until it answers. */
export class StackQuestions {
  readonly #open = new Map<number, Question>();
  #last = 0;

  /** Undefined: no answer within `withinMs`. */
  ask(tell: (message: object) => void, withinMs: number): Promise<string | undefined> {
    const id = ++this.#last;
    return new Promise((resolve) => {
      // After a stall of the loop the timer comes before the answer that waits to be read.
      const timer = setTimeout(() => setImmediate(() => answered(undefined)), withinMs);
      const answered = (text: string | undefined) => {
        clearTimeout(timer);
        this.#open.delete(id);
        resolve(text);
      };
      this.#open.set(id, { text: '', answered });
      tell({ type: 'stacks', id });
    });
  }

  /** One piece of an answer. That to a question which nobody waits for any more is passed over. */
  take({ id, text, more }: StackText): void {
    const question = this.#open.get(id);
    if (question === undefined) return;
    question.text = (question.text + text).slice(0, maxChars);
    if (more !== true) question.answered(question.text.trimEnd());
  }

  /** It has ended, and answers nothing any more. */
  drop(): void {
    for (const { answered } of [...this.#open.values()]) answered(undefined);
  }
}
