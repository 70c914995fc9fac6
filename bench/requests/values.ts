import { randomBytes } from 'node:crypto';
import type { Payload, Value } from './contender.js';

const BYTES = 1_000_000;

/** Makes the values of one lane of calls, each unlike the last one, and checks what came back. */
export interface Values {
  next(): Value;
  /** Throws if it isn't what `next` gave last. */
  check(answer: unknown): void;
}

export const makeValues = (payload: Payload): Values =>
  payload === 'bytes' ? new ByteValues() : new JsonValues();

let count = 0;

class JsonValues implements Values {
  #last: Value = {};

  next(): Value {
    count++;
    this.#last = {
      id: count,
      text: `Grüße, ${count}`,
      vector: [0.5, -1.25, 1e-7],
      tags: { hot: true, of: null },
    };
    return this.#last;
  }

  check(answer: unknown): void {
    if (JSON.stringify(answer) !== JSON.stringify(this.#last)) throw new WrongAnswer(JSON.stringify(answer));
  }
}

class ByteValues implements Values {
  readonly #bytes = randomBytes(BYTES);

  next(): Value {
    count++;
    this.#bytes.writeUInt32LE(count, 0);
    this.#bytes.writeUInt32LE(count, BYTES - 4);
    return this.#bytes;
  }

  check(answer: unknown): void {
    if (!(answer instanceof Uint8Array) || !this.#bytes.equals(answer))
      throw new WrongAnswer(answer instanceof Uint8Array ? `${answer.length} bytes` : typeof answer);
  }
}

class WrongAnswer extends Error {
  constructor(what: string) {
    super(`The echo is not what was sent but ${what}`);
  }
}
