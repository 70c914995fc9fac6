// Written by `npm run docs:config` from the schema in schema.ts. Change that one.
import type { Logger } from '../events/logger.js';
import type { GuardOptions } from '../guard/policy.js';
import type { OutputLine } from '../worker/output.js';
import type { Setting } from './origin.js';

/** Each can be left out but `command`; environment variables and defaults stand in: `docs/configuration.md`. */
export interface PoolOptions {
  /**
   * The program, as for `spawn`: `'python3'`, `process.execPath`, or any program that speaks
   * `docs/protocol.md`.
   */
  command: string;
  /** Its arguments. The default is none. */
  args?: readonly string[] | undefined;
  /**
   * The folder in which the workers run. The path of a folder; the default is the host's. Variable:
   * `PROCGUARD_CWD`.
   */
  cwd?: string | undefined;
  /**
   * The workers' environment. The folder of the Python SDK is put on its `PYTHONPATH`. `pool.config()` leaves
   * it out, since it may hold secrets. The default is the host's.
   */
  env?: NodeJS.ProcessEnv | undefined;
  /**
   * What the pool is called in labels and events. 1 to 64 letters of A to Z, digits, `_`, `.` and `-`; the
   * default is 'default'. Variable: `PROCGUARD_NAME`.
   */
  name?: string | undefined;
  /** Workers. 1 to 10000; the default is the number of processors. Variable: `PROCGUARD_SIZE`. */
  size?: number | undefined;
  /**
   * Requests that a worker has at a time. More than one saves a round trip between them; Python runs sync
   * handlers one after another all the same, unless `serve(threads=…)` says otherwise. 1 to 10000; the
   * default is 1. Variable: `PROCGUARD_CONCURRENCY`.
   */
  concurrency?: number | undefined;
  /**
   * Requests that may wait. More are refused with a `QueueFullError`. 0 to 10000000; the default is 10000.
   * Variable: `PROCGUARD_MAX_QUEUE`.
   */
  maxQueue?: number | undefined;
  /**
   * From a worker's start to its hello. Loading a model counts, when it is done before `serve`. 100 to
   * 3600000 ms; the default is 30000. Variable: `PROCGUARD_START_TIMEOUT_MS`.
   */
  startTimeoutMs?: number | undefined;
  /**
   * A worker that still hasn't answered so long after its request was cancelled is replaced, unless it has an
   * older request for which somebody waits. 100 to 3600000 ms; the default is 5000. Variable:
   * `PROCGUARD_CANCEL_GRACE_MS`.
   */
  cancelGraceMs?: number | undefined;
  /**
   * A worker is replaced after so many requests; while another is being replaced it takes more. At least 1,
   * or Infinity for never; the default is Infinity. Variable: `PROCGUARD_MAX_REQUESTS`.
   */
  maxRequests?: number | undefined;
  /**
   * A worker is replaced at this age. At least 1 ms, or Infinity for never; the default is Infinity.
   * Variable: `PROCGUARD_MAX_AGE_MS`.
   */
  maxAgeMs?: number | undefined;
  /**
   * A worker is replaced when its resident memory is above this. Linux only. At least 1 bytes, or Infinity
   * for never; the default is Infinity. Variable: `PROCGUARD_MAX_RSS_BYTES`.
   */
  maxRssBytes?: number | undefined;
  /** How the pool ends. */
  shutdown?: ShutdownOptions | undefined;
  /** How the pool finds out that a worker hangs. */
  heartbeat?: HeartbeatOptions | undefined;
  /** How workers are replaced. */
  restart?: RestartOptions | undefined;
  /**
   * Starts a script beside each worker that ends it when the host is gone: see `docs/watchdog.md`. The
   * default is false. Variable: `PROCGUARD_WATCHDOG`.
   */
  watchdog?: boolean | undefined;
  /** Which events are published on `node:diagnostics_channel`; see `docs/telemetry.md`. */
  telemetry?: TelemetryOptions | undefined;
  /** How the workers are guarded, as for `spawn`. */
  guard?: GuardOptions | undefined;
  /**
   * Where the pool writes what happens to its workers, and what they print: pino, or what has the same
   * methods. Lines about a process have its `pool`, `worker`, `pid` and a `reason`. What `telemetry` switches
   * off is logged all the same. `pool.config()` leaves it out. The default is no log.
   */
  logger?: Logger | undefined;
  /**
   * Gets each line that a worker prints or logs. What it throws is an uncaught exception. The default is
   * `logger`, or this process's stderr, with the worker's number.
   */
  onOutput?: ((line: OutputLine) => void) | undefined;
}

/** How the pool ends. */
export interface ShutdownOptions {
  /**
   * How long requests in flight may take when the pool or a worker is shut down. 5000 to 300000 ms; the
   * default is 30000. Variable: `PROCGUARD_SHUTDOWN_GRACE_MS`.
   */
  graceMs?: number | undefined;
}

/** How the pool finds out that a worker hangs. */
export interface HeartbeatOptions {
  /** Whether workers are pinged at all. The default is true. Variable: `PROCGUARD_HEARTBEAT_ENABLED`. */
  enabled?: boolean | undefined;
  /**
   * From one ping of a worker to the next. 1000 to 60000 ms; the default is 5000. Variable:
   * `PROCGUARD_HEARTBEAT_INTERVAL_MS`.
   */
  intervalMs?: number | undefined;
  /**
   * A worker that leaves as many pings in a row unanswered as fit into this time is `unresponsive`, and
   * replaced. It has then been silent for up to one `intervalMs` less. At least `misses` × `intervalMs`. 5000
   * to 300000 ms; the default is `misses` × `intervalMs`, so 15000. Variable:
   * `PROCGUARD_HEARTBEAT_TIMEOUT_MS`.
   */
  timeoutMs?: number | undefined;
  /**
   * How many pings in a row a worker must leave unanswered to be `unresponsive`. 1 to 100; the default is 3,
   * or as many as fit into `timeoutMs`. Variable: `PROCGUARD_HEARTBEAT_MISSES`.
   */
  misses?: number | undefined;
  /**
   * A worker that answers no ping but burns processor time, as when a C extension holds the GIL, is `stalled`
   * after this long. At least `timeoutMs`. For a request with its own `timeoutMs`, that one counts instead.
   * At least 1000 ms, or Infinity for never; the default is 300000. Variable:
   * `PROCGUARD_HEARTBEAT_STALLED_MS`.
   */
  stalledMs?: number | undefined;
}

/** How workers are replaced. */
export interface RestartOptions {
  /**
   * Workers that stay ready during a rolling restart. Less than `size`. 0 to 9999; the default is one less
   * than `size`. Variable: `PROCGUARD_RESTART_MIN_HEALTHY`.
   */
  minHealthy?: number | undefined;
  /**
   * The wait after a failed start, or a second crash in a row. It doubles each time, and up to half of it is
   * cut off at random. 10 to 3600000 ms; the default is 100. Variable: `PROCGUARD_RESTART_BACKOFF_MS`.
   */
  backoffMs?: number | undefined;
  /**
   * Where the doubling ends. At least `backoffMs`. 10 to 86400000 ms; the default is 5000. Variable:
   * `PROCGUARD_RESTART_MAX_BACKOFF_MS`.
   */
  maxBackoffMs?: number | undefined;
  /**
   * Failed starts in a row after which a slot is `failed` and not tried again. 1 to 100; the default is 3.
   * Variable: `PROCGUARD_RESTART_MAX_FAILED_STARTS`.
   */
  maxFailedStarts?: number | undefined;
}

/** Which events are published on `node:diagnostics_channel`; see `docs/telemetry.md`. */
export interface TelemetryOptions {
  /**
   * Events of workers: their start, readiness, health, replacement and end. The default is true. Variable:
   * `PROCGUARD_TELEMETRY_WORKER`.
   */
  worker?: boolean | undefined;
  /** Events of pings, with their latency. The default is true. Variable: `PROCGUARD_TELEMETRY_HEARTBEAT`. */
  heartbeat?: boolean | undefined;
  /**
   * Events of what was done to be sure that nothing of a worker is left. The default is true. Variable:
   * `PROCGUARD_TELEMETRY_CLEANUP`.
   */
  cleanup?: boolean | undefined;
  /** Events of requests. The default is true. Variable: `PROCGUARD_TELEMETRY_REQUEST`. */
  request?: boolean | undefined;
  /** Events of the keeper. The default is true. Variable: `PROCGUARD_TELEMETRY_KEEPER`. */
  keeper?: boolean | undefined;
  /** Alerts. The default is true. Variable: `PROCGUARD_TELEMETRY_ALERT`. */
  alert?: boolean | undefined;
}

/** The values in force in a pool, and where each came from. */
export interface PoolSettings {
  readonly command: Setting<string>;
  readonly args: Setting<readonly string[]>;
  readonly cwd: Setting<string | undefined>;
  readonly name: Setting<string>;
  readonly size: Setting<number>;
  readonly concurrency: Setting<number>;
  readonly maxQueue: Setting<number>;
  readonly startTimeoutMs: Setting<number>;
  readonly cancelGraceMs: Setting<number>;
  readonly maxRequests: Setting<number>;
  readonly maxAgeMs: Setting<number>;
  readonly maxRssBytes: Setting<number>;
  readonly 'shutdown.graceMs': Setting<number>;
  readonly 'heartbeat.enabled': Setting<boolean>;
  readonly 'heartbeat.intervalMs': Setting<number>;
  readonly 'heartbeat.timeoutMs': Setting<number>;
  readonly 'heartbeat.misses': Setting<number>;
  readonly 'heartbeat.stalledMs': Setting<number>;
  readonly 'restart.minHealthy': Setting<number>;
  readonly 'restart.backoffMs': Setting<number>;
  readonly 'restart.maxBackoffMs': Setting<number>;
  readonly 'restart.maxFailedStarts': Setting<number>;
  readonly watchdog: Setting<boolean>;
  readonly 'telemetry.worker': Setting<boolean>;
  readonly 'telemetry.heartbeat': Setting<boolean>;
  readonly 'telemetry.cleanup': Setting<boolean>;
  readonly 'telemetry.request': Setting<boolean>;
  readonly 'telemetry.keeper': Setting<boolean>;
  readonly 'telemetry.alert': Setting<boolean>;
  readonly 'guard.containment': Setting<'tree' | 'process'>;
  readonly 'guard.graceMs': Setting<number>;
  readonly onOutput: Setting<((line: OutputLine) => void) | undefined>;
}
