import type { Duplex } from 'node:stream';

/**
 * Many processes that hold one end of a socket pair, seen from the other end. Each writes a line when it is ready,
 * and one more when it is asked. The kernel closes the end when the last of them is dead.
 */
export class Crowd {
  /** Resolves to the `performance.now()` at which the last holder was gone. */
  readonly gone: Promise<number>;
  #lines = 0;
  #isGone = false;
  #wake = () => {};

  constructor(private readonly stream: Duplex) {
    this.gone = new Promise((resolve) => {
      const end = () => {
        this.#isGone = true;
        this.#wake();
        resolve(performance.now());
      };
      stream.once('end', end);
      // Asking a crowd that is gone is a broken pipe: no 'end' comes after that.
      stream.once('error', end);
    });
    stream.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 0x0a) this.#lines++;
      this.#wake();
    });
  }

  /** Waits until `count` lines have come, or nobody is left to write one, and returns how many came. */
  async lines(count: number): Promise<number> {
    while (this.#lines < count && !this.#isGone) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines;
  }

  /** Asks each of `count` processes for one more line, after which it ends. Returns how many answered. */
  async dismiss(count: number): Promise<number> {
    const before = this.#lines;
    this.stream.write('?'.repeat(count));
    return (await this.lines(before + count)) - before;
  }
}
