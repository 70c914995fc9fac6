import { atMost, nowMs } from '../clock.js';
import type { ReplaceReason } from '../events/events.js';
import type { Worker } from '../worker/worker.js';
import { Pace } from './pace.js';
import type { Stage } from './stage.js';

/** How the end of a worker went. */
export interface Dismissal {
  /** It finished its requests and left by itself. */
  readonly drained: boolean;
  /** Processes that had to be killed. */
  readonly killed: number;
  readonly survivors: readonly number[];
}

/** Why a worker is to leave: for another one, or for good. */
export type DismissReason = ReplaceReason | 'for_good';

/** Between SIGTERM and SIGKILL, for a worker that did not leave in time. */
export const termGraceMs = 3000;
// One that takes longer to leave waits for something else than a processor, and the next need not wait for it.
const leavePatienceMs = 100;

/** Ends workers that the pool doesn't want any longer. */
export class Dismissals {
  readonly #expected = new Map<Worker, DismissReason>();

  constructor(
    private readonly stage: Stage,
    /** The worker gets no further requests. */
    private readonly suspend: (worker: Worker) => void,
  ) {}

  /** Its end, which will come, is no failure. False: that is known. */
  expect(worker: Worker, reason: DismissReason): boolean {
    if (this.#expected.has(worker)) return false;
    this.#expected.set(worker, reason);
    return true;
  }

  /** It has ended; why was that to be? Undefined: it was not. */
  takeExpected(worker: Worker): DismissReason | undefined {
    const reason = this.#expected.get(worker);
    this.#expected.delete(worker);
    return reason;
  }

  /** Lets a worker finish and leave, and ends it when that takes too long. Resolves when it has ended. */
  async dismiss(worker: Worker, graceMs: number): Promise<Dismissal> {
    this.suspend(worker);
    // It has nothing to finish.
    const isStarting = worker.state === 'starting';
    worker.leave();
    await this.stage.atMost(isStarting ? Math.min(graceMs, termGraceMs) : graceMs, worker.done);
    // What ended it meanwhile, as for breaking the protocol, was somebody else.
    if (worker.state === 'ended') {
      return { drained: worker.unanswered === 0 && !worker.isTerminating, killed: 0, survivors: [] };
    }
    const isHasty = isStarting || this.stage.isHurried;
    const terminated = worker.terminate('shut_down', 'was shut down', isHasty ? 0 : termGraceMs);
    // Its own end follows also when its descendants could not be looked for.
    await terminated.catch(() => {});
    await atMost(termGraceMs, worker.done);
    const report = await terminated;
    // A second signal may have sent SIGKILL before the report's did.
    const wasKilled = worker.child?.signalCode === 'SIGKILL' ? 1 : 0;
    const killed = Math.max(report?.killed.length ?? 0, wasKilled);
    return {
      drained: killed === 0 && worker.inFlight + worker.unanswered === 0,
      killed,
      survivors: report?.survivors ?? [],
    };
  }

  /** The same, a few at a time. All are told to leave within half of the time that they have for it. */
  async dismissAll(workers: readonly Worker[], graceMs: number): Promise<PromiseSettledResult<Dismissal>[]> {
    const beganMs = nowMs();
    for (const worker of workers) {
      this.expect(worker, 'for_good');
      this.suspend(worker);
    }
    const pace = new Pace(leavePatienceMs);
    const ends: Promise<Dismissal>[] = [];
    for (const worker of workers) {
      const patienceMs = beganMs + graceMs / 2 - nowMs();
      if (patienceMs > 0) await this.stage.atMost(patienceMs, pace.turn());
      pace.begin(worker.done);
      const end = this.dismiss(worker, Math.max(0, beganMs + graceMs - nowMs()));
      // It is looked at below, perhaps long after it was rejected.
      end.catch(() => {});
      ends.push(end);
    }
    return Promise.allSettled(ends);
  }

  /** Those that are being ended get no more time. */
  hurry(workers: readonly Worker[]): void {
    for (const worker of workers) {
      if (worker.isTerminating) void worker.terminate('shut_down', 'was shut down', 0).catch(() => {});
    }
  }
}
