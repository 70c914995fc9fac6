import { atMost } from '../clock.js';
import { ProcguardError } from '../errors.js';

export type StageName = 'open' | 'draining' | 'closed';

/** How far the pool is on its way to the end: open, closing, or closing in a hurry. */
export class Stage {
  #isClosing = false;
  #isHurried = false;
  #isClosed = false;
  readonly #patient = new Set<() => void>();

  get isClosing(): boolean {
    return this.#isClosing;
  }

  get isHurried(): boolean {
    return this.#isHurried;
  }

  get name(): StageName {
    if (this.#isClosed) return 'closed';
    return this.#isClosing ? 'draining' : 'open';
  }

  /** Throws `ERR_PROCGUARD_POOL_CLOSED`. */
  checkOpen(): void {
    if (!this.#isClosing) return;
    throw new ProcguardError(
      'ERR_PROCGUARD_POOL_CLOSED',
      'The pool is closed and takes no more requests. Make a new Pool.',
    );
  }

  close(): void {
    this.#isClosing = true;
  }

  /** Nothing of the pool is left. */
  end(): void {
    this.#isClosed = true;
  }

  /** Nothing is waited for any longer. */
  hurry(): void {
    this.#isHurried = true;
    for (const giveUp of this.#patient) giveUp();
  }

  /** Resolves after `ms`, as soon as `early` resolves, or when there is a hurry. */
  async atMost(ms: number, early: Promise<unknown>): Promise<void> {
    if (this.#isHurried) return;
    let giveUp!: () => void;
    const hurried = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    this.#patient.add(giveUp);
    try {
      await atMost(ms, Promise.race([early, hurried]));
    } finally {
      this.#patient.delete(giveUp);
    }
  }
}
