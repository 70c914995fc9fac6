import type { Worker } from '../worker/worker.js';
import type { Changes } from './changes.js';
import type { Slot } from './slot.js';
import type { Slots } from './slots.js';
import type { Stage } from './stage.js';

interface Parts {
  readonly slots: Slots;
  readonly stage: Stage;
  readonly changes: Changes;
  /** Undefined: one less than there are slots. */
  readonly minHealthy: number | undefined;
  /** Lets a worker finish its requests and leave. */
  replace(worker: Worker): Promise<void>;
}

/** Gives every slot a new worker, and takes no ready one away when that would leave fewer than `minHealthy`. */
export class RollingRestart {
  readonly #toDo: Set<Slot>;
  /** With the workers that they had. */
  readonly #underway = new Map<Slot, Worker | undefined>();
  #error: Error | undefined;

  constructor(private readonly parts: Parts) {
    this.#toDo = new Set(parts.slots.all);
  }

  /** Rejects with `ERR_PROCGUARD_POOL_FAILED` and `ERR_PROCGUARD_POOL_CLOSED`. */
  async run(): Promise<void> {
    const { stage, changes } = this.parts;
    for (;;) {
      for (let slot = this.#next(); slot !== undefined; slot = this.#next()) this.#begin(slot);
      await changes.until(() => {
        stage.checkOpen();
        this.#look();
        return this.#isOver || this.#next() !== undefined;
      });
      if (this.#isOver) break;
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /** Those that were begun are waited for even when one has failed. */
  get #isOver(): boolean {
    return this.#underway.size === 0 && (this.#error !== undefined || this.#toDo.size === 0);
  }

  /** Sees which of those that were begun are done, and which were closed meanwhile. */
  #look(): void {
    for (const [slot, before] of this.#underway) {
      const { state, worker } = slot;
      if (state === 'failed') this.#error ??= this.parts.slots.failedError();
      const isReplaced = state === 'ready' && worker !== before;
      if (isReplaced || state === 'closed' || state === 'failed') this.#underway.delete(slot);
    }
    for (const slot of this.#toDo) if (slot.state === 'closed') this.#toDo.delete(slot);
    // The floor is out of reach for as long as a slot that had its turn stays failed.
    if (this.#underway.size > 0 || this.#toDo.size === 0 || this.#next() !== undefined) return;
    if (this.parts.slots.all.some(({ state }) => state === 'failed'))
      this.#error ??= this.parts.slots.failedError();
  }

  /** The one that may be begun now. First those without a ready worker: they can only gain. */
  #next(): Slot | undefined {
    const { slots, minHealthy = slots.size - 1 } = this.parts;
    // A resize() may have left fewer slots than the floor that was asked for.
    const floor = Math.min(minHealthy, slots.size - 1);
    if (this.#error !== undefined || this.#underway.size >= slots.size - floor) return undefined;
    for (const slot of this.#toDo) if (!slot.isReady) return slot;
    const ready = slots.all.filter(({ isReady }) => isReady).length;
    return ready > floor ? this.#toDo.values().next().value : undefined;
  }

  #begin(slot: Slot): void {
    this.#toDo.delete(slot);
    const { worker } = slot;
    this.#underway.set(slot, worker);
    if (slot.state === 'failed') slot.revive();
    else if (worker !== undefined)
      this.parts.replace(worker).catch((error: Error) => {
        this.#error ??= error;
        this.#underway.delete(slot);
        this.parts.changes.announce();
      });
  }
}
