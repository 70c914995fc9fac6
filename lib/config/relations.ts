import { invalidValue } from './errors.js';
import type { Origin } from './origin.js';
import { type Checked, maxTimeoutMs } from './schema.js';

type Filled<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

export interface Values extends Omit<Checked, 'heartbeat' | 'restart'> {
  readonly heartbeat: Filled<Checked['heartbeat']>;
  readonly restart: Filled<Checked['restart']>;
}

/**
 * Fills in the defaults that follow from other keys, and refuses values that don't fit together. Throws
 * `ERR_PROCGUARD_INVALID_OPTION`.
 */
export function relate(values: Checked, originOf: (path: string) => Origin): Values {
  const refuse = (path: string, value: number, allowed: string) =>
    invalidValue(path, originOf(path), value, allowed);
  /** Another key as a reason: its value, and who set it. */
  const given = (path: string, value: number) => {
    const origin = originOf(path);
    const by = {
      option: '',
      environment: `, from ${'variable' in origin && origin.variable}`,
      default: ', the default',
    };
    return `\`${path}\` (${value}${by[origin.source]})`;
  };

  const { intervalMs, stalledMs } = values.heartbeat;
  const interval = given('heartbeat.intervalMs', intervalMs);
  let { timeoutMs, misses } = values.heartbeat;
  if (timeoutMs !== undefined && timeoutMs < intervalMs)
    throw refuse('heartbeat.timeoutMs', timeoutMs, `at least ${interval}`);
  misses ??= Math.min(3, Math.floor((timeoutMs ?? maxTimeoutMs) / intervalMs));
  const least = misses * intervalMs;
  const pings = given('heartbeat.misses', misses);
  if (timeoutMs !== undefined && timeoutMs < least)
    throw refuse('heartbeat.timeoutMs', timeoutMs, `at least ${least}, which is ${pings} × ${interval}`);
  if (least > maxTimeoutMs) {
    const most = Math.floor(maxTimeoutMs / intervalMs);
    throw refuse('heartbeat.misses', misses, `at most ${most} with ${interval}: ${maxTimeoutMs} ms in all`);
  }
  timeoutMs ??= least;
  if (stalledMs < timeoutMs)
    throw refuse('heartbeat.stalledMs', stalledMs, `at least ${given('heartbeat.timeoutMs', timeoutMs)}`);

  const { backoffMs, maxBackoffMs, minHealthy = values.size - 1 } = values.restart;
  if (minHealthy >= values.size)
    throw refuse(
      'restart.minHealthy',
      minHealthy,
      `less than ${given('size', values.size)}, or no worker could be replaced`,
    );
  if (maxBackoffMs < backoffMs && originOf('restart.maxBackoffMs').source !== 'default')
    throw refuse('restart.maxBackoffMs', maxBackoffMs, `at least ${given('restart.backoffMs', backoffMs)}`);
  if (maxBackoffMs < backoffMs)
    throw refuse('restart.backoffMs', backoffMs, `at most ${given('restart.maxBackoffMs', maxBackoffMs)}`);

  return {
    ...values,
    heartbeat: { ...values.heartbeat, timeoutMs, misses },
    restart: { ...values.restart, minHealthy },
  };
}
