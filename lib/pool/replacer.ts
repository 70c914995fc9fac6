import type { Worker } from '../worker/worker.js';
import type { Changes } from './changes.js';
import type { Dismissals } from './dismissal.js';
import type { RestartConfig } from './options.js';
import { type RetireLimits, reasonToRetire, rssBytesOf } from './retire.js';
import { RollingRestart } from './rolling-restart.js';
import type { SlotState } from './slot.js';
import type { Slots } from './slots.js';
import type { Stage } from './stage.js';

interface Limits extends RetireLimits {
  readonly graceMs: number;
  readonly restart: RestartConfig;
}

const inspectEveryMs = 1000;
// Not before, or after, a start.
const settledStates: ReadonlySet<SlotState> = new Set(['ready', 'failed', 'closed']);

/** Replaces workers, one at a time unless a restart may take more: a pool whose workers are of one age must not lose them all at once. */
export class Replacer {
  #last: Promise<void> = Promise.resolve();
  #underway = 0;
  readonly #inspector: NodeJS.Timeout | undefined;

  constructor(
    private readonly limits: Limits,
    private readonly slots: Slots,
    private readonly dismissals: Dismissals,
    private readonly stage: Stage,
    private readonly changes: Changes,
  ) {
    if (limits.maxAgeMs !== Number.POSITIVE_INFINITY || limits.maxRssBytes !== Number.POSITIVE_INFINITY)
      this.#inspector = setInterval(() => void this.#inspect(), inspectEveryMs).unref();
  }

  /** Replaces every worker; `restart.minHealthy` stay ready. Rejects with `ERR_PROCGUARD_POOL_FAILED` and `ERR_PROCGUARD_POOL_CLOSED`. */
  restart(): Promise<void> {
    return this.#oneAtATime(() => this.#restart());
  }

  /** Replaces the worker if it has had its requests or its time. */
  retireIfDue(worker: Worker): void {
    if (worker.state === 'ready' && reasonToRetire(this.limits, worker) !== undefined) this.#retire(worker);
  }

  stop(): void {
    clearInterval(this.#inspector);
  }

  async #restart(): Promise<void> {
    const { slots, stage, changes, limits } = this;
    stage.checkOpen();
    const { minHealthy } = limits.restart;
    await new RollingRestart({
      slots,
      stage,
      changes,
      minHealthy,
      replace: (worker) => this.#replace(worker),
    }).run();
  }

  #retire(worker: Worker): void {
    const slot = this.slots.ownerOf(worker);
    if (slot === undefined || this.stage.isClosing || !this.dismissals.expect(worker, 'recycled')) return;
    this.#oneAtATime(async () => {
      if (worker.state !== 'ready' || this.stage.isClosing) return;
      await this.#replace(worker);
      await this.changes.until(() => settledStates.has(slot.state) || this.stage.isClosing);
    }).catch(() => {});
  }

  async #replace(worker: Worker): Promise<void> {
    this.dismissals.expect(worker, 'restart');
    await this.dismissals.dismiss(worker, this.limits.graceMs);
  }

  #oneAtATime(replace: () => Promise<void>): Promise<void> {
    // At once if it can be: a worker that has had its requests gets no other meanwhile.
    const replaced = this.#underway === 0 ? replace() : this.#last.then(replace);
    this.#underway++;
    const finish = () => {
      this.#underway--;
    };
    this.#last = replaced.then(finish, finish);
    return replaced;
  }

  async #inspect(): Promise<void> {
    const { maxRssBytes } = this.limits;
    const workers = this.slots.workers.filter(({ state }) => state === 'ready');
    const sizes = maxRssBytes === Number.POSITIVE_INFINITY ? undefined : await rssBytesOf(workers);
    for (const worker of workers) {
      if (worker.state !== 'ready') continue;
      if ((sizes?.get(worker) ?? 0) > maxRssBytes) this.#retire(worker);
      else this.retireIfDue(worker);
    }
  }
}
