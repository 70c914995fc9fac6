import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type {
  HeartbeatOptions,
  PoolOptions,
  PoolSettings,
  RestartOptions,
  TelemetryOptions,
} from '../config/pool-options.js';
import { resolve } from '../config/resolve.js';
import { invalidOption } from '../errors.js';
import type { Logger } from '../events/logger.js';
import type { OutputLine } from '../worker/output.js';
import type { WorkerSpec } from '../worker/start.js';
import { outputListener } from './output.js';

export type { PoolOptions } from '../config/pool-options.js';

type Settled<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

export interface PoolConfig {
  readonly spec: WorkerSpec;
  readonly name: string;
  readonly size: number;
  readonly concurrency: number;
  readonly maxQueue: number;
  readonly cancelGraceMs: number;
  readonly maxRequests: number;
  readonly maxAgeMs: number;
  readonly maxRssBytes: number;
  readonly graceMs: number;
  readonly heartbeat: Settled<HeartbeatOptions>;
  readonly restart: RestartConfig;
  readonly telemetry: Settled<TelemetryOptions>;
  readonly logger: Logger | undefined;
  readonly onOutput: (line: OutputLine) => void;
  /** For `pool.config()`. */
  readonly settings: PoolSettings;
}

export interface RestartConfig extends Settled<Omit<RestartOptions, 'minHealthy'>> {
  /** Undefined: one less than the size, whatever `resize()` makes of it. */
  readonly minHealthy: number | undefined;
}

/** Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function parseOptions(options: PoolOptions): PoolConfig {
  const { values, settings } = resolve(options);
  const { command, args, cwd, env = process.env, guard, startTimeoutMs, ...forPool } = values;
  const { shutdown, restart, logger, onOutput = outputListener(forPool.name, logger), ...others } = forPool;
  const { concurrency, watchdog } = others;
  const isFloorGiven = settings['restart.minHealthy'].source !== 'default';
  return {
    ...others,
    spec: { command, args, cwd, env: withPythonSdk(env), guard, watchdog, concurrency, startTimeoutMs },
    graceMs: shutdown.graceMs,
    restart: { ...restart, minHealthy: isFloorGiven ? restart.minHealthy : undefined },
    logger,
    onOutput,
    settings,
  };
}

/** `otherwise` when the value is undefined. Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function wholeNumber(
  option: string,
  value: unknown,
  from: number,
  to: number,
  otherwise: number,
): number {
  if (value === undefined) return otherwise;
  if (!Number.isInteger(value) || (value as number) < from || (value as number) > to)
    throw invalidOption(option, value, `a whole number from ${from} to ${to}`);
  return value as number;
}

const pythonSdk = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../python/src');

function withPythonSdk(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!existsSync(pythonSdk)) return env;
  const { PYTHONPATH } = env;
  return { ...env, PYTHONPATH: PYTHONPATH ? `${pythonSdk}${path.delimiter}${PYTHONPATH}` : pythonSdk };
}
