import { availableParallelism } from 'node:os';
import { atMost } from '../clock.js';

// Enough to keep all processors busy. The host competes with those under way for a processor: with hundreds of them its
// loop stands still for a second, though it does nothing.
const atATime = 2 * availableParallelism();

/** Lets some processes at a time do what takes a processor, such as to start. */
export class Pace {
  #underway = 0;
  #wake = () => {};

  /** One that takes longer than `patienceMs` waits for something else than a processor, and no longer counts. */
  constructor(private readonly patienceMs: number) {}

  /** Resolves when one more may begin. For one caller at a time. */
  async turn(): Promise<void> {
    while (this.#underway >= atATime) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** One is under way until `done` resolves. */
  begin(done: Promise<unknown>): void {
    this.#underway++;
    void atMost(this.patienceMs, done).then(() => {
      this.#underway--;
      this.#wake();
    });
  }
}
