import type { Alerts } from '../alerts/alerts.js';
import { Monitor } from '../health/monitor.js';
import { type Diagnosis, describeDiagnosis } from '../health/verdict.js';
import { askForStacks } from '../worker/stacks.js';
import type { Worker } from '../worker/worker.js';
import { tellLag, tellSilence } from './alarms.js';
import type { PoolConfig } from './options.js';
import type { Remains } from './remains.js';
import type { Router } from './router.js';
import type { Slots } from './slots.js';
import type { WorkerEvents } from './worker-events.js';

/** Replaces workers that don't answer. */
export class Healer {
  readonly #monitor: Monitor<Worker>;
  /** What was last told of those that are silent. */
  readonly #told = new Map<Worker, Diagnosis>();

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
      miss: (worker, silence) => events.miss(worker, silence),
      stalled: (ms) => tellLag(alerts, ms),
      diagnosed: (worker, diagnosis) => {
        if (diagnosis.shouldReplace) void this.#replace(worker, diagnosis);
        else this.#tell(worker, diagnosis);
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

  stop(): void {
    this.#monitor.stop();
  }

  async #replace(worker: Worker, diagnosis: Diagnosis): Promise<void> {
    if (worker.isTerminating) return;
    if (worker.state === 'ready') {
      worker.condemn();
      this.router.suspend(worker);
      // What it has to say may take a while, and its successor starts meanwhile.
      this.slots.ownerOf(worker)?.replaceAtOnce();
    } else if (worker.inFlight === 0) {
      // A program that tidies up before its exit answers no pings. It has as long for that as whoever told it to leave gives it.
      return;
    }
    this.unwatch(worker);
    const { reason } = diagnosis;
    const canSay = reason !== 'stopped' && reason !== 'uninterruptible';
    const stacks = canSay ? await askForStacks(worker).catch(() => undefined) : undefined;
    this.#tell(worker, diagnosis, stacks);
    this.remains.follow(worker.terminate('unhealthy', describeDiagnosis(diagnosis), 0, stacks));
  }

  #tell(worker: Worker, diagnosis: Diagnosis, stacks?: string): void {
    const { verdict, reason, shouldReplace } = diagnosis;
    if (verdict !== 'stalled' && verdict !== 'unresponsive') return;
    tellSilence(this.alerts, this.slots.ownerOf(worker), worker, diagnosis, stacks);
    const told = this.#told.get(worker);
    const isSame =
      told?.verdict === verdict && told.reason === reason && told.shouldReplace === shouldReplace;
    if (isSame) return;
    this.#told.set(worker, diagnosis);
    this.events.unhealthy(worker, diagnosis, stacks);
  }
}
