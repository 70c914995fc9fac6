import type { Pool } from '../pool/pool.js';

/** What the server needs of a pool. */
export type WatchedPool = Pick<
  Pool,
  'stats' | 'alerts' | 'config' | 'inspect' | 'stacks' | 'restart' | 'revive' | 'close'
>;

export function nameOf(pool: WatchedPool): string {
  return pool.config().name.value;
}
