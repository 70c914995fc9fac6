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
  looked(outcome: Look): void;
}

/** Ends what workers have left behind: descendants that outlived them. */
export class Remains {
  /** Processes that had to be killed. */
  killed = 0;
  #ended: Ended[] = [];
  /** Of each worker that nothing could end altogether: the processes that survived. */
  readonly #unended = new Map<Worker, readonly number[]>();
  /** Those that could not be looked for yet, and why. */
  readonly #unseen = new Map<Worker, Error>();
  #round: Promise<void> | undefined;
  readonly #ends = new Set<Promise<void>>();

  constructor(private readonly alerts: Alerts) {}

  /** Processes that nothing could kill. */
  get survivors(): Set<number> {
    return new Set([...this.#unended.values()].flat());
  }

  /** Why it is not known whether workers have left something; undefined: it is. */
  get lastError(): Error | undefined {
    return [...this.#unseen.values()].at(-1);
  }

  /** A worker has ended. Calls back, within half a minute, when all that was done to end it and its descendants is done. */
  add(worker: Worker, told: (cleanup: Cleanup | undefined) => void): void {
    if (worker.pid === undefined) {
      told(undefined);
      return;
    }
    const look = new Promise<Look>((looked) => {
      this.#ended.push({ worker, looked });
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

  /** Tries once more to end what survived, or could not be looked for: whatever was in the way may be over. */
  async endSurvivors(): Promise<void> {
    const workers = new Set([...this.#unended.keys(), ...this.#unseen.keys()]);
    await Promise.all([...workers].map((worker) => this.#end(worker)));
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
    const unseen = [...this.#unseen.keys()];
    try {
      const all = [...unseen, ...ended.map(({ worker }) => worker)];
      const left = new Set(await withLeftovers(all.map(childOf)));
      const end = async (worker: Worker) => {
        if (left.has(childOf(worker))) return this.#end(worker);
        this.#unseen.delete(worker);
        return undefined;
      };
      await Promise.all([
        ...unseen.map(end),
        ...ended.map(async ({ worker, looked }) => looked(await end(worker))),
      ]);
    } catch (error) {
      for (const { worker, looked } of ended) {
        this.#failed(worker, error as Error);
        looked(error as Error);
      }
    } finally {
      this.#round = this.#ended.length > 0 ? this.#look() : undefined;
    }
  }

  async #end(worker: Worker): Promise<Look> {
    try {
      const report = await killTree(childOf(worker), { signal: 'SIGKILL' });
      this.killed += report.killed.length;
      if (report.survivors.length > 0) this.#unended.set(worker, report.survivors);
      else this.#unended.delete(worker);
      this.#unseen.delete(worker);
      tellSurvivors(this.alerts, worker, report);
      return report;
    } catch (error) {
      this.#failed(worker, error as Error);
      return error as Error;
    }
  }

  #failed(worker: Worker, error: Error): void {
    this.#unseen.set(worker, error);
    this.alerts.raise(
      'cleanup_failed',
      undefined,
      `What workers have left could not be looked for: ${error.message}`,
      { error },
    );
  }
}

/** Of one that has had a process. */
const childOf = ({ child }: Worker) => child as ChildProcess;
