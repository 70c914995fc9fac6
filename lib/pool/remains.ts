import type { ChildProcess } from 'node:child_process';
import type { Alerts } from '../alerts/alerts.js';
import { type KillTreeReport, killTree } from '../guard/kill-tree.js';
import { withLeftovers } from '../guard/leftovers.js';
import type { Worker } from '../worker/worker.js';
import { tellSurvivors } from './alarms.js';
import { type Cleanup, cleanupOf, type Look } from './cleanup.js';

// Workers that end together share one look at the process table.
const gatherMs = 50;

interface Ended {
  readonly worker: Worker;
  readonly child: ChildProcess;
  looked(outcome: Look): void;
}

/** Ends what workers have left behind: descendants that outlived them. */
export class Remains {
  /** Processes that had to be killed. */
  killed = 0;
  /** What went wrong while looking. */
  lastError: Error | undefined;
  #ended: Ended[] = [];
  /** Of each worker that nothing could end altogether: the processes that survived. */
  readonly #unended = new Map<
    Worker,
    { readonly child: ChildProcess; readonly survivors: readonly number[] }
  >();
  #round: Promise<void> | undefined;
  readonly #ends = new Set<Promise<void>>();

  constructor(private readonly alerts: Alerts) {}

  /** Processes that nothing could kill. */
  get survivors(): Set<number> {
    return new Set([...this.#unended.values()].flatMap(({ survivors }) => survivors));
  }

  /** A worker has ended. Calls back, within half a minute, when all that was done to end it and its descendants is done. */
  add(worker: Worker, told: (cleanup: Cleanup | undefined) => void): void {
    const { child } = worker;
    if (child?.pid === undefined) {
      told(undefined);
      return;
    }
    const look = new Promise<Look>((looked) => {
      this.#ended.push({ worker, child, looked });
    });
    this.#round ??= new Promise<void>((resolve) => setTimeout(resolve, gatherMs)).then(() => this.#look());
    this.#await(cleanupOf(worker, look).then(told));
  }

  /** A worker that is being ended. What survives that is looked after when it is added. */
  follow(end: Promise<KillTreeReport | undefined>): void {
    const count = (report: KillTreeReport | undefined) => {
      this.killed += report?.killed.length ?? 0;
    };
    this.#await(end.then(count, () => {}));
  }

  /** Tries once more to end what survived: whatever kept it alive may be over. */
  async endSurvivors(): Promise<void> {
    await Promise.all([...this.#unended].map(([worker, { child }]) => this.#end(worker, child)));
  }

  /** Resolves when everything that was added or followed has been looked after. */
  async cleared(): Promise<void> {
    while (this.#round !== undefined || this.#ends.size > 0) await Promise.all([this.#round, ...this.#ends]);
  }

  #await(end: Promise<void>): void {
    const awaited = end.finally(() => this.#ends.delete(awaited));
    this.#ends.add(awaited);
  }

  async #look(): Promise<void> {
    const ended = this.#ended.splice(0);
    try {
      const left = new Set(await withLeftovers(ended.map(({ child }) => child)));
      await Promise.all(
        ended.map(async ({ worker, child, looked }) =>
          looked(left.has(child) ? await this.#end(worker, child) : undefined),
        ),
      );
    } catch (error) {
      this.#failed(error as Error);
      for (const { looked } of ended) looked(error as Error);
    } finally {
      this.#round = this.#ended.length > 0 ? this.#look() : undefined;
    }
  }

  async #end(worker: Worker, child: ChildProcess): Promise<Look> {
    try {
      const report = await killTree(child, { signal: 'SIGKILL' });
      this.killed += report.killed.length;
      if (report.survivors.length > 0) this.#unended.set(worker, { child, survivors: report.survivors });
      else this.#unended.delete(worker);
      tellSurvivors(this.alerts, undefined, worker, report);
      return report;
    } catch (error) {
      this.#failed(error as Error);
      return error as Error;
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
