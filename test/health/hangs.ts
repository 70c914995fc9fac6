import type { ExecutionContext } from 'ava';
import { nowMs } from '../../lib/clock.js';
import type { CallOptions, Pool, PoolOptions, PoolStats } from '../../lib/index.js';
import { WorkerDiedError } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { startPool, type TestPool, workerNamed } from '../pool/pools.js';

export const intervalMs = 1000;
/** How long a worker may hang until it is replaced. */
export const limitMs = 3 * intervalMs + 1000;

/** A pool whose workers have a handler for each way to hang. */
export function startHangingPool(t: ExecutionContext, options: Partial<PoolOptions> = {}): TestPool {
  return startPool(t, { ...workerNamed('hanging_worker'), heartbeat: { intervalMs }, ...options });
}

export interface Hang {
  /** The pid of the worker that hangs. */
  pid: number;
  slot: number;
  sinceMs: number;
  /** What its request is rejected with. */
  rejected: Promise<WorkerDiedError>;
}

/** Resolves when the handler runs. */
export async function hang(
  { pool, lines }: TestPool,
  method: string,
  args: unknown[] = [],
  options: CallOptions = {},
): Promise<Hang> {
  const before = lines.length;
  const rejected = pool.call(method, args, options).then(
    () => {
      throw new Error(`${method} was answered`);
    },
    (error) => {
      if (!(error instanceof WorkerDiedError)) throw error;
      return error;
    },
  );
  rejected.catch(() => {});
  const { pid } = await until(
    () => lines.slice(before).find(({ line }) => line === 'started'),
    'the handler',
  );
  const slot = pool.stats().workers.find((worker) => worker.pid === pid)!.slot;
  return { pid: pid!, slot, sinceMs: nowMs(), rejected };
}

/** Resolves when the slot has another worker than this one. */
export function replaced(pool: Pool, { slot, pid }: Pick<Hang, 'slot' | 'pid'>): Promise<number> {
  return until(() => {
    const now = pool.stats().workers[slot]?.pid;
    return now === pid ? undefined : now;
  }, `worker ${pid} to be replaced`);
}

/** Resolves when the pool says this of the slot's worker. */
export function said(
  pool: Pool,
  expected: Partial<PoolStats['workers'][number]>,
  slot = 0,
): Promise<PoolStats['workers'][number]> {
  return until(
    () => {
      const worker = pool.stats().workers[slot]!;
      const isSo = Object.entries(expected).every(
        ([key, value]) => worker[key as keyof typeof worker] === value,
      );
      return isSo ? worker : undefined;
    },
    `the pool to say ${JSON.stringify(expected)}`,
  );
}

export const rejection = ({ rejected }: Hang): Promise<WorkerDiedError> =>
  within(rejected, 'the request to be rejected');
