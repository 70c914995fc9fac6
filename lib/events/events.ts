import type { Alert } from '../alerts/alert.js';
import type { PoolSettings } from '../config/pool-options.js';
import type { Guard } from '../guard/guarantees.js';
import type { Reason, Verdict } from '../health/verdict.js';

/** What every event says. */
export interface ProcguardEvent {
  readonly at: Date;
}

/** About one worker. */
export interface WorkerEvent extends ProcguardEvent {
  /** The pool's `name`. */
  readonly pool: string;
  /** Counts up in its pool; unlike a pid, never used again. */
  readonly worker: number;
  /** Undefined when its program could not be started. */
  readonly pid: number | undefined;
  /** The number of the slot that it was started for, from 0. */
  readonly slot: number;
}

export interface WorkerStartEvent extends WorkerEvent {
  readonly startedAt: Date;
  readonly reason: StartReason;
  /** As `pool.config()`. */
  readonly configuration: PoolSettings;
  readonly guard: Guard | undefined;
}

export interface WorkerReadyEvent extends WorkerEvent {
  /** Why it was started. */
  readonly reason: StartReason;
  /** From its start to its hello. */
  readonly startMs: number;
}

/** Why a worker ended. A bounded set, fit for a label. */
export type ExitReason =
  /** It ended unasked, or broke the protocol, or its time was up, before it was ready. */
  | 'start_failed'
  /** It ended unasked, or with requests that it had not answered. */
  | 'crashed'
  /** It was asked to leave, and did. */
  | 'left'
  /** It was asked to leave, and was killed since it took too long. */
  | 'killed'
  /** It did not answer, and was killed. */
  | 'unhealthy'
  /** It did not answer a cancelled request, and was killed. */
  | 'stuck'
  /** It broke the protocol, and was killed. */
  | 'protocol';

export interface WorkerExitEvent extends WorkerEvent {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly reason: ExitReason;
  /** The same in words. */
  readonly message: string;
  readonly uptimeMs: number;
  /** From its end, or from when it was to be ended, until the look that found nothing left of its tree. */
  readonly cleanupMs: number;
  /** Requests that it was given, and those that it did not answer. */
  readonly requests: number;
  readonly unanswered: number;
  /** Of its tree: nothing could kill them. */
  readonly survivors: readonly number[];
}

export interface WorkerUnhealthyEvent extends WorkerEvent {
  readonly verdict: Verdict;
  readonly reason: Reason | undefined;
  readonly misses: number;
  readonly silentMs: number;
  /** Whether it is replaced for this. */
  readonly isReplaced: boolean;
  readonly stacks: string | undefined;
}

/** Why a slot gets another worker. A bounded set, fit for a label. */
export type ReplaceReason =
  /** The first five as for `ExitReason`. */
  | 'start_failed'
  | 'crashed'
  | 'unhealthy'
  | 'stuck'
  | 'protocol'
  /** It left unasked, as after a SIGTERM from somebody else. */
  | 'left'
  /** It had `maxRequests`, `maxAgeMs` or `maxRssBytes`. */
  | 'recycled'
  /** `pool.restart()`. */
  | 'restart'
  /** The slot had failed, and `pool.revive()` or `pool.restart()` was called. */
  | 'revived';

/** Why a worker is started: for a new slot, or in place of another. */
export type StartReason = 'new' | ReplaceReason;

export interface WorkerReplaceEvent extends WorkerEvent {
  /** Of the worker that is replaced, which the event is about. */
  readonly reason: ReplaceReason;
  /** The wait before its successor is started. */
  readonly backoffMs: number;
}

export interface HeartbeatPongEvent extends WorkerEvent {
  readonly success: true;
  readonly latencyMs: number;
}

export interface HeartbeatMissEvent extends WorkerEvent {
  readonly success: false;
  /** Pings in a row without an answer. */
  readonly misses: number;
  readonly silentMs: number;
}

export interface CleanupEvent extends WorkerEvent {
  readonly success: boolean;
  readonly durationMs: number;
  /** Processes that had to be killed. */
  readonly killed: readonly number[];
  /** Processes that nothing could kill. */
  readonly survivors: readonly number[];
  /** What was tried that did not work. */
  readonly attempts: readonly { readonly code: string; readonly message: string }[];
}

/** `at` is worked out when it is read, since a `Date` for each of very many requests is not free. */
export interface RequestEvent extends ProcguardEvent {
  readonly pool: string;
  /** Counts up in its pool. */
  readonly request: number;
  readonly method: string;
}

export interface RequestStartEvent extends RequestEvent {
  readonly worker: number;
  readonly pid: number | undefined;
  /** Since it was made, the time with workers that died of it included. */
  readonly waitMs: number;
}

/** How a request went. A bounded set, fit for a label. */
export type RequestOutcome =
  | 'succeeded'
  /** Its handler threw, or the pool gave it up. */
  | 'failed'
  | 'timed_out'
  /** By its signal, or by leaving the loop of its stream. */
  | 'cancelled'
  /** Its worker ended while it had it. */
  | 'died'
  /** It was not taken: the queue is full, the pool has failed or is closed, or its signal was aborted before. Not in `pool.stats()`. */
  | 'refused';

export interface RequestEndEvent extends RequestEvent {
  readonly outcome: RequestOutcome;
  /** The last one that had it; undefined: none did. */
  readonly worker: number | undefined;
  /** All but the time with the last worker. */
  readonly waitMs: number;
  /** With the last worker; 0 when none had it. */
  readonly runMs: number;
  /** Further tries after workers that died. */
  readonly retries: number;
  /** Undefined when it succeeded, and when nobody gave one, as for a stream whose reader has left. */
  readonly error: unknown;
}

export interface KeeperEvent extends ProcguardEvent {
  /** 0 when none is known. */
  readonly pid: number;
  /** How often another one had to be started. */
  readonly restarts: number;
}

/** What is published on each channel of `node:diagnostics_channel`. */
export interface ProcguardEvents {
  'procguard:worker:start': WorkerStartEvent;
  'procguard:worker:ready': WorkerReadyEvent;
  'procguard:worker:exit': WorkerExitEvent;
  'procguard:worker:unhealthy': WorkerUnhealthyEvent;
  'procguard:worker:replace': WorkerReplaceEvent;
  'procguard:heartbeat:pong': HeartbeatPongEvent;
  'procguard:heartbeat:miss': HeartbeatMissEvent;
  'procguard:cleanup:done': CleanupEvent;
  'procguard:cleanup:failed': CleanupEvent;
  'procguard:request:submit': RequestEvent;
  'procguard:request:start': RequestStartEvent;
  'procguard:request:end': RequestEndEvent;
  'procguard:keeper:start': KeeperEvent;
  'procguard:keeper:lost': KeeperEvent;
  'procguard:alert': Alert;
}

export type EventName = keyof ProcguardEvents;

/** What the option `telemetry` switches. */
export type EventGroup = 'worker' | 'heartbeat' | 'cleanup' | 'request' | 'keeper' | 'alert';
