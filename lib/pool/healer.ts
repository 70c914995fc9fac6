import type { Alerts } from '../alerts/alerts.js';
import { nowMs } from '../clock.js';
import { Monitor } from '../health/monitor.js';
import { type Diagnosis, describeDiagnosis } from '../health/verdict.js';
import { askForStacks } from '../worker/stacks.js';
import type { Worker } from '../worker/worker.js';
import { tellIgnoredCancel, tellLoop, tellSilence } from './alarms.js';
import type { PoolConfig } from './options.js';
import type { Remains } from './remains.js';
import type { Router } from './router.js';
import type { Series, Slot } from './slot.js';
import type { Slots } from './slots.js';
import type { Task } from './task.js';

/** Replaces workers that don't answer. */
export class Healer {
  readonly #monitor: Monitor<Worker>;
  /** Those that are asked for their stacks, or have been. */
  readonly #condemned = new WeakSet<Worker>();

  constructor(
    private readonly config: PoolConfig['heartbeat'],
    private readonly slots: Slots,
    private readonly router: Router,
    private readonly remains: Remains,
    private readonly alerts: Alerts,
  ) {
    this.#monitor = new Monitor(config, {
      pong: (worker, latencyMs) => {
        worker.pingMs = latencyMs;
      },
      miss: () => {},
      stalled: () => {},
      diagnosed: (worker, diagnosis) => {
        if (diagnosis.shouldReplace) void this.#replace(worker, diagnosis);
        else tellSilence(alerts, slots.ownerOf(worker), worker, diagnosis);
      },
    });
  }

  watch(worker: Worker): void {
    if (this.config.enabled) this.#monitor.watch(worker);
  }

  unwatch(worker: Worker): void {
    this.#monitor.unwatch(worker);
  }

  pong(worker: Worker, seq: number): void {
    this.#monitor.pong(worker, seq);
  }

  diagnosisOf(worker: Worker): Diagnosis | undefined {
    return this.#monitor.diagnosisOf(worker);
  }

  stop(): void {
    this.#monitor.stop();
  }

  /** It has not answered since this request was cancelled. */
  replaceStuck(worker: Worker, { payload, givenAtMs }: Task): void {
    const cancelled = { method: payload.method, ageMs: nowMs() - givenAtMs };
    // It answers pings perhaps, and has lived as long as it has run.
    void this.#end(worker, 0, 'did not answer a cancelled request', true, (slot, stacks) =>
      tellIgnoredCancel(this.alerts, slot, worker, cancelled, stacks),
    );
  }

  async #replace(worker: Worker, diagnosis: Diagnosis): Promise<void> {
    // A program that tidies up before its exit answers no pings. It has as long for that as whoever told it to leave gives it.
    if (worker.state !== 'ready' && worker.inFlight === 0) return;
    const { reason, evidence } = diagnosis;
    const canSay = reason !== 'stopped' && reason !== 'uninterruptible';
    await this.#end(worker, evidence.silentMs, describeDiagnosis(diagnosis), canSay, (slot, stacks) =>
      tellSilence(this.alerts, slot, worker, diagnosis, stacks),
    );
  }

  /** `canSay`: it may be able to say its stacks. */
  async #end(
    worker: Worker,
    hungMs: number,
    why: string,
    canSay: boolean,
    tell: (slot: Slot | undefined, stacks: string | undefined) => void,
  ): Promise<void> {
    if (worker.isTerminating || this.#condemned.has(worker)) return;
    this.#condemned.add(worker);
    const slot = this.slots.ownerOf(worker);
    let series: Series | undefined;
    if (worker.state === 'ready') {
      worker.condemn();
      this.router.suspend(worker);
      // What it has to say may take a while, and its successor starts meanwhile.
      series = slot?.replaceHung(worker, hungMs);
    }
    this.#monitor.unwatch(worker);
    const stacks = canSay ? await askForStacks(worker).catch(() => undefined) : undefined;
    tell(slot, stacks);
    if (series !== undefined) tellLoop(this.alerts, series, worker, stacks);
    this.remains.follow(worker.terminate(why, 0, stacks));
  }
}
