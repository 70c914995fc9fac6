import { setImmediate } from 'node:timers/promises';
import { nowMs } from '../clock.js';
import type { Answer, ErrorBody, Request } from '../wire/messages.js';
import { encodeValue } from '../wire/values.js';
import { runInContext } from './context.js';
import { Credit } from './credit.js';
import type { Data } from './data.js';
import { cancelled, handlerFailed, notSent, unknownMethod } from './failure.js';
import { findHandler, handlerNames } from './handlers.js';

// A generator that never waits would keep pings and cancellations from being read.
const turnMs = 10;

/** One request, from its handler's call to its last answer. */
export class Work {
  readonly #request: Request;
  readonly #data: Data;
  readonly #abort = new AbortController();
  readonly #credit: Credit;
  #turnBeganMs = nowMs();

  constructor(request: Request, data: Data) {
    this.#request = request;
    this.#data = data;
    this.#credit = new Credit(request.type === 'stream' ? request.credit : 0);
  }

  cancel(): void {
    this.#abort.abort();
    this.#credit.stopWaiting();
  }

  addCredit(items: number): void {
    this.#credit.add(items);
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { id, method, trace } = this.#request;
    try {
      await runInContext({ id, method, signal: this.#abort.signal, trace }, () => this.#answer());
    } catch (error) {
      this.#fail(error instanceof Refused ? error.body : this.#failure(error));
    }
  }

  async #answer(): Promise<void> {
    const { method, args, type } = this.#request;
    if (this.#abort.signal.aborted) throw new Refused(cancelled());
    const handle = findHandler(method);
    if (handle === undefined) throw new Refused(unknownMethod(method, handlerNames()));
    const value = await handle(...args);
    const iterator = iteratorOf(value);
    if (type === 'call') {
      this.#send('result', iterator === undefined ? value : await this.#collect(iterator));
    } else {
      await (iterator === undefined ? this.#sendItem(value) : this.#stream(iterator));
      this.#data.send({ type: 'end', id: this.#request.id }, []);
    }
  }

  async #collect(iterator: AnyIterator): Promise<unknown[]> {
    const items: unknown[] = [];
    await this.#each(iterator, (item) => {
      items.push(item);
    });
    return items;
  }

  async #stream(iterator: AnyIterator): Promise<void> {
    await this.#each(
      iterator,
      async (item) => {
        this.#send('item', item);
        await this.#data.ready();
      },
      () => this.#credit.take(),
    );
  }

  async #sendItem(value: unknown): Promise<void> {
    await this.#credit.take();
    if (this.#abort.signal.aborted) throw new Refused(cancelled());
    this.#send('item', value);
  }

  /** Ends the iterator, so that its `finally` blocks run, in whatever way this ends. */
  async #each(
    iterator: AnyIterator,
    take: (item: unknown) => void | Promise<void>,
    before?: () => Promise<void>,
  ): Promise<void> {
    let isDone = false;
    try {
      for (;;) {
        await before?.();
        if (this.#abort.signal.aborted) throw new Refused(cancelled());
        isDone = true;
        const { done, value } = await iterator.next();
        if (done) return;
        isDone = false;
        await take(await value);
        await this.#turn();
      }
    } finally {
      // One that threw has ended on its own.
      if (!isDone) await iterator.return?.();
    }
  }

  async #turn(): Promise<void> {
    if (nowMs() - this.#turnBeganMs < turnMs) return;
    await setImmediate();
    this.#turnBeganMs = nowMs();
  }

  #send(type: 'result' | 'item', value: unknown): void {
    try {
      const encoded = encodeValue(value);
      const answer: Answer = {
        type,
        id: this.#request.id,
        value: encoded.value,
        ...(encoded.marked && { marked: true }),
      };
      this.#data.send(answer, encoded.parts);
    } catch (error) {
      throw new Refused(notSent(error));
    }
  }

  #failure(error: unknown): ErrorBody {
    return this.#abort.signal.aborted ? cancelled() : handlerFailed(error);
  }

  #fail(error: ErrorBody): void {
    this.#data.send({ type: 'error', id: this.#request.id, error }, []);
  }
}

/** Ends a request for a reason that isn't the handler's. */
class Refused extends Error {
  readonly body: ErrorBody;

  constructor(body: ErrorBody) {
    super(body.message);
    this.body = body;
  }
}

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** Lists and strings are values; generators, and what can only be read asynchronously, are streams. */
function iteratorOf(value: unknown): AnyIterator | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const object = value as Partial<AsyncIterable<unknown> & Iterable<unknown> & Iterator<unknown>>;
  if (typeof object[Symbol.asyncIterator] === 'function') return object[Symbol.asyncIterator]?.();
  if (typeof object[Symbol.iterator] !== 'function' || typeof object.next !== 'function') return undefined;
  return object[Symbol.iterator]?.();
}
