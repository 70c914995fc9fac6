import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Pool, PoolOptions } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { fixture, startPool, temporaryFolder } from './pools.js';

export interface Noted {
  pool: Pool;
  file: string;
  /** Calls `run`; the number is noted when a worker begins it. */
  run(number: number, seconds: number, options?: object, method?: string): Promise<unknown>;
  /** Numbers, in the order in which they were begun. */
  begun(): number[];
}

export function startNoting(
  t: ExecutionContext,
  env: NodeJS.ProcessEnv,
  options: Partial<PoolOptions> = {},
): Noted {
  const { pool } = startPool(t, {
    args: [fixture('noting_worker.py')],
    env: { ...process.env, ...env },
    ...options,
  });
  const file = join(temporaryFolder(t), 'begun');
  return {
    pool,
    file,
    run: (number, seconds, options, method = 'run') => pool.call(method, [file, number, seconds], options),
    begun: () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : []),
  };
}

export const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);
export const ascending = (list: number[]) => list.toSorted((one, other) => one - other);
export const isBegun = ({ begun }: Noted, number: number) =>
  until(() => (begun().includes(number) ? true : undefined), `${number} to be begun`);

export function signalWorker({ pool }: Noted, slot = 0): number {
  const { pid, state } = pool.stats().workers[slot]!;
  if (state !== 'ready') throw new Error(`Worker ${slot} is ${state}`);
  process.kill(pid!, 'SIGTERM');
  return pid!;
}

export const node: Partial<PoolOptions> = { command: process.execPath, args: [fixture('node-worker.mjs')] };
