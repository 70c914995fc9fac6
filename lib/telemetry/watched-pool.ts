import { invalidOption } from '../errors.js';
import type { Pool } from '../pool/pool.js';
import type { WorkerStats } from '../pool/stats.js';

/** What telemetry wants of a pool. */
export type WatchedPool = Pick<Pool, 'stats' | 'config'>;

/** What a slot is up to, in one word. The counts of all sum up to the pool's size. */
export const workerStates = [
  'starting',
  'idle',
  'busy',
  'stalled',
  'unresponsive',
  'dead',
  'leaving',
  'waiting',
  'failed',
] as const;

export type WorkerStateName = (typeof workerStates)[number];

export function nameOf(pool: WatchedPool): string {
  return pool.config().name.value;
}

export function queueLimitOf(pool: WatchedPool): number {
  return pool.config().maxQueue.value;
}

/** Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function checkPools(option: string, pools: unknown): void {
  if (!Array.isArray(pools)) throw invalidOption(option, pools, 'a list of pools');
  for (const [index, pool] of pools.entries()) checkPool(`${option}[${index}]`, pool);
}

/** Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function checkPool(option: string, pool: unknown): void {
  const { stats, config } = (pool ?? {}) as Partial<WatchedPool>;
  if (typeof stats !== 'function' || typeof config !== 'function')
    throw invalidOption(option, pool, 'a Pool');
}

/** How many slots of the pool are in each state; those of a closed pool in none. */
export function countStates(workers: readonly WorkerStats[]): Map<WorkerStateName, number> {
  const counts = new Map<WorkerStateName, number>(workerStates.map((name) => [name, 0]));
  for (const worker of workers) {
    const state = stateOf(worker);
    const count = counts.get(state);
    if (count !== undefined) counts.set(state, count + 1);
  }
  return counts;
}

function stateOf({ state, verdict }: WorkerStats): WorkerStateName {
  return (state === 'leaving' ? state : (verdict ?? state)) as WorkerStateName;
}
