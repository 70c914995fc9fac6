import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from '../guard/identify.js';
import type { RequestInHand } from '../worker/request.js';
import type { Patient } from './heart.js';
import { type HeartbeatOptions, Heartbeats, type Silence } from './heartbeats.js';
import { type Clock, realClock } from './host-clock.js';
import { ratesBetween } from './rates.js';
import { type ProcessSample, sampleProcesses } from './sample.js';
import { type Diagnosis, diagnose } from './verdict.js';

/** A worker, as health sees it. */
export interface Watched extends Patient {
  readonly child: ChildProcess | undefined;
  readonly requestsInHand: readonly RequestInHand[];
}

export interface MonitorOptions extends HeartbeatOptions {
  readonly stalledMs: number;
}

export interface MonitorEvents<Worker> {
  pong(worker: Worker, latencyMs: number): void;
  miss(worker: Worker, silence: Silence): void;
  /** It is silent for long. Again after each further miss, as what is to be made of it may change. */
  diagnosed(worker: Worker, diagnosis: Diagnosis): void;
  /** The host's event loop stood still. */
  stalled(ms: number): void;
}

// Between two looks at one that there was no look at before.
const secondLookMs = 200;

/** Watches over workers: pings them, and looks into those that don't answer. */
export class Monitor<Worker extends Watched> {
  readonly #heartbeats: Heartbeats<Worker>;
  /** Of those that have missed a ping: how they were at the first miss. */
  readonly #firstLooks = new Map<Worker, ProcessSample>();
  /** How they were when they were last looked at. */
  readonly #lastLooks = new Map<Worker, ProcessSample>();
  readonly #diagnoses = new Map<Worker, Diagnosis>();
  #suspects = new Set<Worker>();
  #isLooking = false;

  constructor(
    private readonly options: MonitorOptions,
    private readonly events: MonitorEvents<Worker>,
    clock: Clock = realClock,
  ) {
    this.#heartbeats = new Heartbeats(
      options,
      {
        pong: (worker, latencyMs) => {
          this.#forget(worker);
          events.pong(worker, latencyMs);
        },
        miss: (worker, silence) => {
          const { misses, isLong } = silence;
          events.miss(worker, silence);
          // What was seen in an earlier silence says nothing about this one.
          if (misses === 1) this.#forget(worker);
          if (misses > 1 && !isLong) return;
          this.#suspects.add(worker);
          void this.#lookAtSuspects();
        },
        stalled: (ms) => events.stalled(ms),
      },
      clock,
    );
  }

  watch(worker: Worker): void {
    this.#heartbeats.add(worker);
  }

  unwatch(worker: Worker): void {
    this.#heartbeats.remove(worker);
    this.#suspects.delete(worker);
    this.#forget(worker);
  }

  pong(worker: Worker, seq: number): void {
    this.#heartbeats.pong(worker, seq);
  }

  /** Of one that is silent for long. */
  diagnosisOf(worker: Worker): Diagnosis | undefined {
    return this.#diagnoses.get(worker);
  }

  stop(): void {
    this.#heartbeats.stop();
  }

  #forget(worker: Worker): void {
    this.#firstLooks.delete(worker);
    this.#lastLooks.delete(worker);
    this.#diagnoses.delete(worker);
  }

  /** All of a moment at once: a look at trees is one at the whole machine. */
  async #lookAtSuspects(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    // Those of the same turn come along.
    await undefined;
    while (this.#suspects.size > 0) {
      const suspects = [...this.#suspects];
      this.#suspects = new Set();
      const samples = await look(suspects);
      const unknown = suspects.filter((worker) => this.#judge(worker, samples.get(worker)));
      if (unknown.length === 0) continue;
      await sleep(secondLookMs, undefined, { ref: false });
      for (const worker of unknown) this.#suspects.add(worker);
    }
    this.#isLooking = false;
  }

  /** True when it must be looked at a second time. */
  #judge(worker: Worker, sample: ProcessSample | undefined): boolean {
    const silence = this.#heartbeats.silenceOf(worker);
    if (silence === undefined) {
      this.#forget(worker);
      return false;
    }
    const first = this.#firstLooks.get(worker);
    const last = this.#lastLooks.get(worker);
    if (sample?.outcome === 'sampled') this.#lastLooks.set(worker, sample);
    if (first === undefined && sample?.outcome === 'sampled') {
      this.#firstLooks.set(worker, sample);
      return silence.isLong;
    }
    if (!silence.isLong) return false;
    const { misses, silentMs } = silence;
    const rates = ratesBetween(first, sample);
    const recentRates = ratesBetween(last, sample);
    const evidence = { misses, silentMs, requests: worker.requestsInHand, sample, rates, recentRates };
    const diagnosis = diagnose(evidence, this.options.stalledMs);
    this.#diagnoses.set(worker, diagnosis);
    this.events.diagnosed(worker, diagnosis);
    return false;
  }
}

/** None for those that can't be looked at. */
async function look<Worker extends Watched>(workers: readonly Worker[]): Promise<Map<Worker, ProcessSample>> {
  const found = workers.flatMap((worker) => {
    const id = worker.child && identify(worker.child);
    return id === undefined ? [] : [{ worker, id }];
  });
  try {
    const samples = await sampleProcesses(
      found.map(({ id }) => id),
      { trees: true },
    );
    return new Map(found.map(({ worker }, index) => [worker, samples.get(index)]));
  } catch {
    // The verdict is then 'unknown': they are silent all the same.
    return new Map();
  }
}
