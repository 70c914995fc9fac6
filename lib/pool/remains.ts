import type { ChildProcess } from 'node:child_process';
import type { Alerts } from '../alerts/alerts.js';
import { type KillTreeReport, killTree } from '../guard/kill-tree.js';
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
  readonly #ends = new Set<Promise<void>>();

  constructor(private readonly alerts: Alerts) {}

  add(child: ChildProcess): void {
    this.#ended.push(child);
    this.#round ??= new Promise<void>((resolve) => setTimeout(resolve, gatherMs)).then(() => this.#look());
  }

  /** A worker that is being ended. What survives that is looked after when it is added. */
  follow(end: Promise<KillTreeReport | undefined>): void {
    const count = (report: KillTreeReport | undefined) => {
      this.killed += report?.killed.length ?? 0;
    };
    const counted = end.then(count, () => {}).finally(() => this.#ends.delete(counted));
    this.#ends.add(counted);
  }

  /** Resolves when everything that was added or followed has been looked after. */
  async cleared(): Promise<void> {
    while (this.#round !== undefined || this.#ends.size > 0) await Promise.all([this.#round, ...this.#ends]);
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
