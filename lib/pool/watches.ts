import type { Alerts } from '../alerts/alerts.js';
import { publishKeeperEvents } from '../events/keeper-events.js';
import { lookForKeeper, watchKeeper } from '../guard/keeper-watch.js';
import { watchLoopLag } from '../health/loop-lag.js';
import type { Worker } from '../worker/worker.js';
import { tellLag, tellLostKeeper, tellMemoryGrowth } from './alarms.js';
import { GuardCheck } from './guard-check.js';
import { MemoryWatch } from './memory-watch.js';
import type { Slots } from './slots.js';

/** What a pool looks at besides whether its workers answer: its guard, the keeper, its event loop, and their memory. */
export class Watches {
  readonly #guard: GuardCheck;
  readonly #stops: readonly (() => void)[];

  constructor(slots: Slots, alerts: Alerts, tellsOfKeeper: boolean) {
    this.#guard = new GuardCheck(alerts);
    const memory = new MemoryWatch(
      () => slots.workers,
      (worker, growth) => tellMemoryGrowth(alerts, slots.ownerOf(worker), worker, growth),
    );
    this.#stops = [
      () => memory.stop(),
      tellsOfKeeper ? publishKeeperEvents() : () => {},
      watchLoopLag((ms) => tellLag(alerts, ms)),
      watchKeeper({
        lost: (keeper) => tellLostKeeper(alerts, keeper),
        failed: () => {
          const worker = slots.workers.find(({ state }) => state === 'ready');
          if (worker !== undefined) this.#guard.look(worker);
        },
      }),
    ];
  }

  ready(worker: Worker): void {
    this.#guard.ready(worker);
    lookForKeeper();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}
