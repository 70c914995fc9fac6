import type { PoolStats } from '../../pool/stats.js';
import { nameOf, queueLimitOf, type WatchedPool } from '../watched-pool.js';

/** Pools of the same name are one to Prometheus. */
export interface Snapshot {
  readonly name: string;
  readonly stats: readonly PoolStats[];
  readonly queueLimit: number;
}

/** The pools that are watched. */
export class Pools {
  readonly #pools = new Set<WatchedPool>();
  readonly #names = new Map<string, number>();
  #snapshots: readonly Snapshot[] | undefined;

  /** True when it is the first of its name. */
  add(pool: WatchedPool): boolean {
    if (this.#pools.has(pool)) return false;
    this.#pools.add(pool);
    const others = this.#names.get(nameOf(pool)) ?? 0;
    this.#names.set(nameOf(pool), others + 1);
    return others === 0;
  }

  /** True when it was the last of its name. */
  remove(pool: WatchedPool): boolean {
    if (!this.#pools.delete(pool)) return false;
    const others = (this.#names.get(nameOf(pool)) ?? 1) - 1;
    if (others > 0) this.#names.set(nameOf(pool), others);
    else this.#names.delete(nameOf(pool));
    return others === 0;
  }

  get all(): ReadonlySet<WatchedPool> {
    return this.#pools;
  }

  isWatched(name: string): boolean {
    return this.#names.has(name);
  }

  /** All metrics of one scrape are collected in one turn, and share this. */
  snapshots(): readonly Snapshot[] {
    if (this.#snapshots === undefined) {
      this.#snapshots = this.#look();
      queueMicrotask(() => {
        this.#snapshots = undefined;
      });
    }
    return this.#snapshots;
  }

  #look(): Snapshot[] {
    const byName = new Map<string, { stats: PoolStats[]; queueLimit: number }>();
    for (const pool of this.#pools) {
      const name = nameOf(pool);
      const found = byName.get(name) ?? { stats: [], queueLimit: 0 };
      found.stats.push(pool.stats());
      found.queueLimit += queueLimitOf(pool);
      byName.set(name, found);
    }
    return [...byName].map(([name, found]) => ({ name, ...found }));
  }
}
