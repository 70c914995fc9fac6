import { nowMs } from '../clock.js';
import type { PoolSettings } from '../config/pool-options.js';
import type { CleanupEvent, ReplaceReason, WorkerEvent } from '../events/events.js';
import type { Publisher } from '../events/publisher.js';
import { guardOf } from '../guard/report.js';
import type { Silence } from '../health/heartbeats.js';
import type { Diagnosis } from '../health/verdict.js';
import type { Worker } from '../worker/worker.js';
import type { Cleanup } from './cleanup.js';

/** Tells of workers. */
export class WorkerEvents {
  constructor(
    private readonly pool: string,
    private readonly settings: PoolSettings,
    private readonly publisher: Publisher,
  ) {}

  started(worker: Worker): void {
    this.publisher.tell('procguard:worker:start', () => ({
      ...this.#about(worker),
      startedAt: new Date(Date.now() - (nowMs() - worker.startedAtMs)),
      reason: worker.place.reason,
      configuration: this.settings,
      guard: worker.child?.pid === undefined ? undefined : guardOf(worker.child),
    }));
  }

  ready(worker: Worker): void {
    this.publisher.tell('procguard:worker:ready', () => ({
      ...this.#about(worker),
      reason: worker.place.reason,
      startMs: nowMs() - worker.startedAtMs,
    }));
  }

  /** `diagnosis` is of one that is silent. */
  unhealthy(worker: Worker, { verdict, reason, shouldReplace, evidence }: Diagnosis, stacks?: string): void {
    this.publisher.tell('procguard:worker:unhealthy', () => ({
      ...this.#about(worker),
      verdict,
      reason,
      misses: evidence.misses,
      silentMs: evidence.silentMs,
      isReplaced: shouldReplace,
      stacks,
    }));
  }

  replaced(worker: Worker, reason: ReplaceReason, backoffMs: number): void {
    this.publisher.tell('procguard:worker:replace', () => ({ ...this.#about(worker), reason, backoffMs }));
  }

  pong(worker: Worker, latencyMs: number): void {
    this.publisher.tell('procguard:heartbeat:pong', () => ({
      ...this.#about(worker),
      success: true,
      latencyMs,
    }));
  }

  miss(worker: Worker, { misses, silentMs }: Silence): void {
    this.publisher.tell('procguard:heartbeat:miss', () => ({
      ...this.#about(worker),
      success: false,
      misses,
      silentMs,
    }));
  }

  /** It has ended, and what it left was looked for. `cleanup` is undefined when there never was a process. */
  exited(worker: Worker, cleanup: Cleanup | undefined): void {
    const { exit } = worker;
    if (exit === undefined) return;
    if (cleanup !== undefined) this.#cleaned(worker, cleanup);
    this.publisher.tell('procguard:worker:exit', () => ({
      ...this.#about(worker),
      exitCode: exit.exitCode,
      signal: exit.signal,
      reason: exit.reason,
      message: exit.message,
      uptimeMs: exit.endedAtMs - worker.startedAtMs,
      cleanupMs: cleanup?.durationMs ?? 0,
      requests: worker.requests,
      unanswered: worker.unanswered,
      survivors: cleanup?.survivors ?? [],
    }));
  }

  #cleaned(worker: Worker, cleanup: Cleanup): void {
    const { isDone, durationMs, killed, survivors, attempts } = cleanup;
    const name = isDone ? 'procguard:cleanup:done' : 'procguard:cleanup:failed';
    this.publisher.tell(
      name,
      (): CleanupEvent => ({
        ...this.#about(worker),
        success: isDone,
        durationMs,
        killed,
        survivors,
        attempts,
      }),
    );
  }

  #about(worker: Worker): WorkerEvent {
    return {
      at: new Date(),
      pool: this.pool,
      worker: worker.number,
      pid: worker.pid,
      slot: worker.place.slot,
    };
  }
}
