import type { TaskSink } from './task.js';

/** Items that the worker may send ahead of its reader. */
export const streamCredit = 32;
// Given back in bundles, since each costs a message.
const bundle = streamCredit / 2;

interface StreamHooks {
  credit(items: number): void;
  cancel(): void;
}

/** The items of one stream, for one reader. Leaving the loop cancels the request. */
export class ItemStream<T> implements AsyncIterableIterator<T>, TaskSink {
  hooks: StreamHooks | undefined;
  readonly #items: unknown[] = [];
  #state: 'open' | 'complete' | 'failed' = 'open';
  #error: unknown;
  #waiting: { resolve(result: IteratorResult<T>): void; reject(error: unknown): void }[] = [];
  #read = 0;

  item(value: unknown): void {
    const reader = this.#waiting.shift();
    if (reader === undefined) {
      this.#items.push(value);
      return;
    }
    this.#count();
    reader.resolve({ done: false, value: value as T });
  }

  succeed(): void {
    this.#state = 'complete';
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    const [first, ...others] = this.#waiting.splice(0);
    if (first !== undefined) {
      this.#state = 'complete';
      first.reject(error);
    }
    for (const { resolve } of others) resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift() as T;
      this.#count();
      return Promise.resolve({ done: false, value });
    }
    if (this.#state === 'failed') {
      this.#state = 'complete';
      return Promise.reject(this.#error);
    }
    if (this.#state === 'complete') return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  async return(): Promise<IteratorResult<T>> {
    if (this.#state === 'open') {
      this.#state = 'complete';
      this.hooks?.cancel();
    }
    this.#state = 'complete';
    this.#items.length = 0;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #count(): void {
    if (++this.#read % bundle === 0 && this.#state === 'open') this.hooks?.credit(bundle);
  }
}
