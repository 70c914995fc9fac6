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
import type { WorkerEvents } from './worker-events.js';

interface HungEnd {
  readonly cause: 'unhealthy' | 'stuck';
  /** The same in words. */
  readonly why: string;
  readonly hungMs: number;
  /** It may be able to say its stacks. */
  readonly canSay: boolean;
  /** It does not answer pings. */
  readonly isHung: boolean;
}

/** Replaces workers that don't answer. */
export class Healer {
  readonly #monitor: Monitor<Worker>;
  /** Those that are asked for their stacks, or have been. */
  readonly #condemned = new WeakSet<Worker>();
  /** What was last told of those that are silent. */
  readonly #told = new WeakMap<Worker, Diagnosis>();

  constructor(
    private readonly config: PoolConfig['heartbeat'],
    private readonly slots: Slots,
    private readonly router: Router,
    private readonly remains: Remains,
    private readonly alerts: Alerts,
    private readonly events: WorkerEvents,
  ) {
    this.#monitor = new Monitor(config, {
      pong: (worker, latencyMs) => {
        worker.pingMs = latencyMs;
        this.#told.delete(worker);
        events.pong(worker, latencyMs);
      },
      miss: (worker, silence) => {
        // Another silence than the one that was told.
        if (silence.misses === 1) this.#told.delete(worker);
        events.miss(worker, silence);
      },
      stalled: () => {},
      diagnosed: (worker, diagnosis) => {
        if (diagnosis.shouldReplace) void this.#replace(worker, diagnosis);
        else this.#tell(worker, slots.ownerOf(worker), diagnosis);
      },
    });
  }

  watch(worker: Worker): void {
    if (this.config.enabled) this.#monitor.watch(worker);
  }

  unwatch(worker: Worker): void {
    this.#monitor.unwatch(worker);
    this.#told.delete(worker);
  }

  pong(worker: Worker, seq: number): void {
    this.#monitor.pong(worker, seq);
  }

  diagnosisOf(worker: Worker): Diagnosis | undefined {
    return this.#monitor.diagnosisOf(worker);
  }

  /** It has not answered since this request was cancelled. */
  replaceStuck(worker: Worker, { payload, givenAtMs }: Task): void {
    const cancelled = { method: payload.method, ageMs: nowMs() - givenAtMs };
    // It answers pings perhaps, and has lived as long as it has run.
    const why = 'did not answer a cancelled request';
    void this.#end(worker, { cause: 'stuck', why, hungMs: 0, canSay: true, isHung: false }, (slot, stacks) =>
      tellIgnoredCancel(this.alerts, slot, worker, cancelled, stacks),
    );
  }

  async #replace(worker: Worker, diagnosis: Diagnosis): Promise<void> {
    // A program that tidies up before its exit answers no pings. It has as long for that as whoever told it to leave gives it.
    if (worker.state !== 'ready' && worker.inFlight === 0) return;
    const { reason, evidence } = diagnosis;
    const canSay = reason !== 'stopped' && reason !== 'uninterruptible';
    const { silentMs } = evidence;
    const why = describeDiagnosis(diagnosis);
    const end = { cause: 'unhealthy', why, hungMs: silentMs, canSay, isHung: true } as const;
    await this.#end(worker, end, (slot, stacks) => this.#tell(worker, slot, diagnosis, stacks));
  }

  async #end(
    worker: Worker,
    { cause, why, hungMs, canSay, isHung }: HungEnd,
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
      series = slot?.replaceHung(worker, hungMs, cause);
    }
    this.unwatch(worker);
    if (canSay && worker.stackOffer !== undefined) worker.dropAnswers();
    const stacks = canSay ? await askForStacks(worker, { isHung }).catch(() => undefined) : undefined;
    tell(slot, stacks);
    if (series !== undefined) tellLoop(this.alerts, series, worker, stacks);
    this.remains.follow(worker.terminate(cause, why, 0, stacks));
  }

  #tell(worker: Worker, slot: Slot | undefined, diagnosis: Diagnosis, stacks?: string): void {
    const { verdict, reason, shouldReplace } = diagnosis;
    if (verdict !== 'stalled' && verdict !== 'unresponsive') return;
    tellSilence(this.alerts, slot, worker, diagnosis, stacks);
    const told = this.#told.get(worker);
    const isSame =
      told?.verdict === verdict && told.reason === reason && told.shouldReplace === shouldReplace;
    if (isSame) return;
    this.#told.set(worker, diagnosis);
    this.events.unhealthy(worker, diagnosis, stacks);
  }
}
