import type { Alerts } from '../alerts/alerts.js';
import { nowMs } from '../clock.js';
import { guardOf } from '../guard/report.js';
import type { Worker } from '../worker/worker.js';
import { tellDowngrades } from './alarms.js';

// `guardOf` takes some system calls, 0.2 ms of the main thread. The workers of a pool are started alike, so one a second tells of all that
// start meanwhile.
const lookEveryMs = 1000;

/** Looks whether workers are guarded as was asked for. */
export class GuardCheck {
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly alerts: Alerts,
    private readonly clock: () => number = nowMs,
  ) {}

  /** A worker is ready: its program runs, so that what the program itself has changed shows too. */
  ready(worker: Worker): void {
    if (this.clock() - this.#lastMs >= lookEveryMs) this.look(worker);
  }

  look(worker: Worker): void {
    this.#lastMs = this.clock();
    const { child } = worker;
    if (child !== undefined) tellDowngrades(this.alerts, worker, guardOf(child));
  }
}
