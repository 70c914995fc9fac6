import { HttpError } from './http-error.js';
import type { WatchedPool } from './source.js';
import type { Watch } from './watch.js';

/** What the page lets somebody do. Each is written into the log. */
export class Actions {
  constructor(
    private readonly isAllowed: boolean,
    private readonly watch: Watch,
  ) {}

  /** Replaces all workers, one after the other; returns when that has begun. Throws `HttpError`. */
  restart(name: string, pool: WatchedPool): void {
    this.#begin(name, null, 'Restart');
    this.#follow(name, 'Restart', pool.restart());
  }

  /** Closes the pool; returns when that has begun. Throws `HttpError`. */
  drain(name: string, pool: WatchedPool): void {
    this.#begin(name, null, 'Drain');
    this.#follow(name, 'Drain', pool.close());
  }

  /** Lets failed slots try again. Throws `HttpError`. */
  revive(name: string, pool: WatchedPool): void {
    this.#begin(name, null, 'Revive');
    try {
      pool.revive();
    } catch (error) {
      throw new HttpError(409, (error as Error).message);
    }
  }

  /** Throws `HttpError`. */
  async stacks(name: string, pool: WatchedPool, slot: number): Promise<string> {
    this.#begin(name, slot, 'Stack dump');
    const stacks = await pool.stacks(slot);
    if (stacks !== undefined) return stacks;
    throw new HttpError(
      409,
      'The worker did not say: it is stopped, has ended, or its SDK offers no stacks.',
    );
  }

  #begin(pool: string, slot: number | null, what: string): void {
    if (!this.isAllowed) throw new HttpError(403, 'Actions are off. Turn them on with actions: true.');
    this.watch.log.add({ kind: 'action', level: 'info', pool, slot, text: `${what} asked for on this page` });
  }

  #follow(pool: string, what: string, done: Promise<unknown>): void {
    const tell = (level: 'good' | 'critical', text: string) =>
      this.watch.log.add({ kind: 'action', level, pool, slot: null, text });
    done.then(
      () => tell('good', `${what} finished`),
      (error: Error) => tell('critical', `${what} failed: ${error.message}`),
    );
  }
}
