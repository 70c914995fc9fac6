export type { Alert, AlertCode, Severity } from './alerts/alert.js';
export type { Setting } from './config/origin.js';
export type {
  HeartbeatOptions,
  PoolOptions,
  PoolSettings,
  RestartOptions,
  ShutdownOptions,
  TelemetryOptions,
} from './config/pool-options.js';
export { ProcguardError } from './errors.js';
export type {
  CleanupEvent,
  EventName,
  ExitReason,
  HeartbeatMissEvent,
  HeartbeatPongEvent,
  KeeperEvent,
  ProcguardEvent,
  ProcguardEvents,
  ReplaceReason,
  RequestEndEvent,
  RequestEvent,
  RequestOutcome,
  RequestStartEvent,
  StartReason,
  WorkerEvent,
  WorkerExitEvent,
  WorkerReadyEvent,
  WorkerReplaceEvent,
  WorkerStartEvent,
  WorkerUnhealthyEvent,
} from './events/events.js';
export type { Logger } from './events/logger.js';
export { onEvent } from './events/subscribe.js';
export type { Capabilities, Downgrade, Guard } from './guard/guarantees.js';
export { type KillNote, type KillTreeOptions, type KillTreeReport, killTree } from './guard/kill-tree.js';
export type { GuardOptions } from './guard/policy.js';
export { capabilities, guardOf } from './guard/report.js';
export { exec, execFile, fork, spawn } from './guard/spawn.js';
export { type SweepOptions, type SweepReport, sweep } from './guard/sweep.js';
export type { Reason, Verdict } from './health/verdict.js';
export type { CallOptions, StreamOptions } from './pool/call-options.js';
export type { CloseReport } from './pool/drain.js';
export type { WorkerView } from './pool/inspect.js';
export { Pool } from './pool/pool.js';
export type { PoolStats } from './pool/stats.js';
export { NumericArray } from './wire/values.js';
export { QueueFullError, WorkerDiedError, WorkerError } from './worker/errors.js';
export type { OutputLine } from './worker/output.js';
