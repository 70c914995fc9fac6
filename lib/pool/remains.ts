import type { ChildProcess } from 'node:child_process';
import { killTree } from '../guard/kill-tree.js';
import { withLeftovers } from '../guard/leftovers.js';

// Workers that end together share one look at the process table.
const gatherMs = 50;

/** Ends what workers have left behind: descendants that outlived them. */
export class Remains {
  /** Processes that had to be killed. */
  killed = 0;
  /** Processes that nothing could kill. */
  readonly survivors = new Set<number>();
  /** What went wrong while looking. */
  lastError: Error | undefined;
  #ended: ChildProcess[] = [];
  #round: Promise<void> | undefined;

  add(child: ChildProcess): void {
    this.#ended.push(child);
    this.#round ??= new Promise<void>((resolve) => setTimeout(resolve, gatherMs)).then(() => this.#look());
  }

  /** Resolves when everything that was added has been looked after. */
  async cleared(): Promise<void> {
    while (this.#round !== undefined) await this.#round;
  }

  async #look(): Promise<void> {
    const ended = this.#ended.splice(0);
    try {
      const left = await withLeftovers(ended);
      await Promise.all(left.map((child) => this.#end(child)));
    } catch (error) {
      this.lastError = error as Error;
    } finally {
      this.#round = this.#ended.length > 0 ? this.#look() : undefined;
    }
  }

  async #end(child: ChildProcess): Promise<void> {
    try {
      const { killed, survivors } = await killTree(child, { signal: 'SIGKILL' });
      this.killed += killed.length;
      for (const pid of survivors) this.survivors.add(pid);
    } catch (error) {
      this.lastError = error as Error;
    }
  }
}
