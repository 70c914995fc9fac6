import type { WatchedPool } from './source.js';

/** Why a program should get no requests now; empty when it should. */
export function unreadiness(pools: ReadonlyMap<string, WatchedPool>, minReady: number): string[] {
  return [...pools].flatMap(([name, pool]) => {
    const { stage, ready, size } = pool.stats();
    if (stage !== 'open') return `${name}: ${stage}`;
    if (ready >= minReady) return [];
    return `${name}: ${ready} of ${size} workers ready, and minReady is ${minReady}`;
  });
}
