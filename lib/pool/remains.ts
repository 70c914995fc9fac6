import type { ChildProcess } from 'node:child_process';
import type { Alerts } from '../alerts/alerts.js';
import { killTree } from '../guard/kill-tree.js';
import { withLeftovers } from '../guard/leftovers.js';
import { tellSurvivors } from './alarms.js';

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

  constructor(private readonly alerts: Alerts) {}

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
      this.#failed(error as Error);
    } finally {
      this.#round = this.#ended.length > 0 ? this.#look() : undefined;
    }
  }

  async #end(child: ChildProcess): Promise<void> {
    try {
      const report = await killTree(child, { signal: 'SIGKILL' });
      this.killed += report.killed.length;
      for (const pid of report.survivors) this.survivors.add(pid);
      tellSurvivors(this.alerts, undefined, child, report);
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    this.lastError = error;
    this.alerts.raise(
      'cleanup_failed',
      undefined,
      `What workers have left could not be looked for: ${error.message}`,
      { error },
    );
  }
}
