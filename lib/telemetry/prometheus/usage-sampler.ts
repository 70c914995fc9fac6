import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { atMost, nowMs } from '../../clock.js';
import { binding, isGuardedPlatform } from '../../guard/binding.js';
import type { TreeId } from '../../guard/identify.js';
import { ratesBetween } from '../../health/rates.js';
import { type ProcessSample, sampleProcesses } from '../../health/sample.js';
import type { WorkerStats } from '../../pool/stats.js';
import { nameOf, type WatchedPool } from '../watched-pool.js';
import type { Pools } from './pools.js';

export interface PoolUsage {
  processes: number;
  rssBytes: number;
  maxRssBytes: number;
  /** Undefined when no worker has been seen twice. */
  maxCpuShare: number | undefined;
}

interface Seen {
  readonly pool: string;
  readonly id: TreeId;
  sample: ProcessSample | undefined;
}

// A look goes through the process table of the whole machine.
const freshMs = 1000;
// A look at a thousand workers takes longer, and a scrape should not.
const patienceMs = 5;
const staleMs = 120_000;
// Each takes some 15 µs of the event loop.
const identifiedAtOnce = 100;

/** Looks at all workers of all pools in one job off the main thread, when it is asked, and at most once a second. */
export class UsageSampler {
  /** By pool; only grows. */
  readonly cpuSeconds = new Map<string, number>();
  failures = 0;
  #seen = new Map<WatchedPool, Map<string, Seen>>();
  #usage = new Map<string, PoolUsage>();
  #startedMs = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;

  constructor(private readonly pools: Pools) {}

  /** Of the latest look, which may be that of the scrape before. Never rejects: without an answer there are no pools in it. */
  async sample(): Promise<ReadonlyMap<string, PoolUsage>> {
    const ageMs = nowMs() - this.#startedMs;
    if (this.#underWay === undefined && ageMs > freshMs) {
      if (ageMs > staleMs) this.#usage = new Map();
      this.#startedMs = nowMs();
      this.#underWay = this.#renew();
    }
    if (this.#underWay !== undefined) await atMost(patienceMs, this.#underWay);
    return this.#usage;
  }

  async #renew(): Promise<void> {
    try {
      this.#usage = await this.#look();
    } catch {
      this.#usage = new Map();
      this.failures++;
    } finally {
      this.#underWay = undefined;
    }
  }

  async #look(): Promise<Map<string, PoolUsage>> {
    if (!isGuardedPlatform) return new Map();
    const workers = await this.#identify();
    const ids = workers.map(({ id }) => id);
    const samples = await sampleProcesses(ids, { trees: true });
    const usage = new Map<string, PoolUsage>();
    for (const [index, worker] of workers.entries()) {
      const sample = samples.get(index);
      if (sample.outcome === 'sampled' && this.pools.isWatched(worker.pool))
        this.#count(usage, worker, sample);
    }
    return usage;
  }

  async #identify(): Promise<Seen[]> {
    const before = this.#seen;
    const after: typeof before = new Map();
    let identified = 0;
    for (const pool of [...this.pools.all]) {
      const name = nameOf(pool);
      const seen = new Map<string, Seen>();
      after.set(pool, seen);
      for (const worker of pool.stats().workers) {
        const key = keyOf(worker);
        let known = before.get(pool)?.get(key);
        if (known === undefined) {
          if (++identified % identifiedAtOnce === 0) await turnOfLoop();
          known = identify(name, worker);
        }
        if (known !== undefined) seen.set(key, known);
      }
    }
    this.#seen = after;
    return [...after.values()].flatMap((seen) => [...seen.values()]);
  }

  #count(usages: Map<string, PoolUsage>, seen: Seen, sample: ProcessSample): void {
    const { tree } = sample;
    if (tree === undefined) return;
    const { pool } = seen;
    let usage = usages.get(pool);
    if (usage === undefined) {
      usage = { processes: 0, rssBytes: 0, maxRssBytes: 0, maxCpuShare: undefined };
      usages.set(pool, usage);
    }
    usage.processes += tree.processes;
    usage.rssBytes += tree.rssBytes;
    usage.maxRssBytes = Math.max(usage.maxRssBytes, tree.rssBytes);
    const share = ratesBetween(seen.sample, sample)?.tree?.cpuShare;
    if (share !== undefined) usage.maxCpuShare = Math.max(usage.maxCpuShare ?? 0, share);
    // What a descendant has used goes away with it when nobody has waited for it.
    const spentMs = Math.max(0, tree.cpuMs - (seen.sample?.tree?.cpuMs ?? 0));
    this.cpuSeconds.set(pool, (this.cpuSeconds.get(pool) ?? 0) + spentMs / 1000);
    seen.sample = sample;
  }
}

/** No other worker of its pool ever has the same. */
function keyOf({ slot, restarts, pid }: WorkerStats): string {
  return `${slot} ${restarts} ${pid}`;
}

function identify(pool: string, { pid }: WorkerStats): Seen | undefined {
  const startTicks = pid === undefined ? 0 : binding().startTicksOfChild(pid);
  if (pid === undefined || startTicks === 0) return undefined;
  return { pool, id: { pid, startTicks }, sample: undefined };
}
