import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { ProcguardError } from '../errors.js';
import type { WorkerSpec } from '../worker/start.js';
import type { Worker } from '../worker/worker.js';
import type { RestartConfig } from './options.js';
import { Pace } from './pace.js';
import { Slot, type SlotEvents } from './slot.js';

// A worker that takes longer to its hello waits for a disk, a network or a GPU, and the next need not wait for it.
const startPatienceMs = 500;

/** The slots of a pool, numbered from 0. Their workers start a few at a time. */
export class Slots {
  readonly #slots: Slot[] = [];
  /** The slots of all workers that live, those included that are no longer among `#slots`. */
  readonly #owners = new Map<Worker, Slot>();
  readonly #toStart: Slot[] = [];
  readonly #pace = new Pace(startPatienceMs);
  #isStarting = false;
  #lastNumber = 0;

  constructor(
    private readonly config: { readonly spec: WorkerSpec; readonly restart: RestartConfig },
    private readonly events: SlotEvents,
    private readonly changed: (slot: Slot) => void,
  ) {}

  get size(): number {
    return this.#slots.length;
  }

  get all(): readonly Slot[] {
    return this.#slots;
  }

  at(index: number): Slot | undefined {
    return this.#slots[index];
  }

  ownerOf(worker: Worker): Slot | undefined {
    return this.#owners.get(worker);
  }

  /** Those that live. */
  get workers(): Worker[] {
    return [...this.#owners.keys()];
  }

  /** None of them gets a worker again. */
  get isFailed(): boolean {
    for (const { state } of this.#slots) if (state !== 'failed') return false;
    return true;
  }

  failedError(): ProcguardError {
    const slot = this.#slots.find(({ state }) => state === 'failed');
    return new ProcguardError(
      'ERR_PROCGUARD_POOL_FAILED',
      `Workers of the pool failed to start${times(this.config.restart.maxFailedStarts)}, and it does not try again until revive() or restart() is called. ${slot?.error?.message ?? ''}`,
      { cause: slot?.error },
    );
  }

  growTo(size: number): void {
    while (this.#slots.length < size) this.#add();
  }

  /** Closes the newest, and returns them; their workers are left to the caller. */
  shrinkTo(size: number): Slot[] {
    const surplus = this.#slots.splice(size);
    for (const slot of surplus) slot.close();
    return surplus;
  }

  /** Returns the slot that had it. */
  release(worker: Worker): Slot | undefined {
    const slot = this.#owners.get(worker);
    this.#owners.delete(worker);
    return slot;
  }

  #add(): void {
    const slot = new Slot(
      this.#slots.length,
      this.config.spec,
      this.config.restart,
      this.events,
      (changed) => this.#changed(changed),
      () => ++this.#lastNumber,
      (wanting) => this.#start(wanting),
    );
    this.#slots.push(slot);
    slot.request();
  }

  #changed(slot: Slot): void {
    if (slot.worker !== undefined && slot.worker.state !== 'ended') this.#owners.set(slot.worker, slot);
    this.changed(slot);
  }

  #start(slot: Slot): void {
    this.#toStart.push(slot);
    if (!this.#isStarting) void this.#startAll();
  }

  async #startAll(): Promise<void> {
    this.#isStarting = true;
    for (;;) {
      // A start blocks the loop for about a millisecond, so each has a turn of its own.
      await turnOfLoop();
      await this.#pace.turn();
      const slot = this.#toStart.shift();
      if (slot === undefined) break;
      if (slot.state !== 'closed') this.#pace.begin(slot.start());
    }
    this.#isStarting = false;
  }
}

function times(count: number): string {
  if (count === 1) return '';
  return ` ${['', '', 'twice', 'three times'][count] ?? `${count} times`} in a row`;
}
