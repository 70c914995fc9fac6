import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Pools, Snapshot } from './pools.js';
import type { Tally } from './tally.js';
import { TallyHistogram } from './tally-histogram.js';

type Labels = Readonly<Record<string, string>>;

interface PerPool {
  add(pool: string): void;
  remove(pool: string): void;
}

/** Makes metric families, and takes care of their series when pools come and go. */
export class Families {
  readonly #perPool: PerPool[] = [];
  readonly #names: string[] = [];

  constructor(
    private readonly registry: Registry,
    private readonly prefix: string,
    readonly pools: Pools,
  ) {}

  /**
   * `known` are the values of its other labels. Their series exist from the start: the first increase of one that appears with it
   * would be none to `rate()`.
   */
  counter(name: string, help: string, known: readonly Labels[] = [{}]): Counter {
    const labelNames = ['pool', ...Object.keys(known[0] ?? {})];
    const counter = new Counter({ ...this.#base(name, help), labelNames });
    this.#perPool.push({
      add: (pool) => {
        for (const labels of known) counter.inc({ pool, ...labels }, 0);
      },
      remove: (pool) => {
        for (const labels of known) counter.remove({ pool, ...labels });
      },
    });
    return counter;
  }

  histogram(name: string, help: string, buckets: number[]): Histogram<'pool'> {
    const histogram = new Histogram({ ...this.#base(name, help), labelNames: ['pool'] as const, buckets });
    this.#perPool.push({
      add: (pool) => histogram.zero({ pool }),
      remove: (pool) => histogram.remove({ pool }),
    });
    return histogram;
  }

  /** What is counted for each pool outside of prom-client, for the pulled metrics below. */
  tallies<Counts>(make: () => Counts): ReadonlyMap<string, Counts> {
    const tallies = new Map<string, Counts>();
    this.#perPool.push({
      add: (pool) => tallies.set(pool, make()),
      remove: (pool) => tallies.delete(pool),
    });
    return tallies;
  }

  /** `tallies` are asked for when it is scraped. */
  pulledHistogram(
    name: string,
    help: string,
    buckets: readonly number[],
    tallies: () => Iterable<readonly [string, Tally]>,
  ): void {
    const base = this.#base(name, help);
    this.registry.registerMetric(new TallyHistogram(base.name, help, buckets, tallies).asMetric());
  }

  /** `totals`, with their labels, are asked for when it is scraped. */
  pulledLabelledCounter(
    name: string,
    help: string,
    labelNames: readonly string[],
    totals: () => Iterable<readonly [Labels, number]>,
  ): void {
    new Counter({
      ...this.#base(name, help),
      labelNames: [...labelNames],
      collect() {
        this.reset();
        for (const [labels, total] of totals()) this.inc(labels, total);
      },
    });
  }

  /** Looked at when it is scraped, for each pool. */
  poolGauge(name: string, help: string, look: (snapshot: Snapshot) => number): void {
    this.gauge(name, help, ['pool'], (gauge) => {
      for (const snapshot of this.pools.snapshots()) gauge.set({ pool: snapshot.name }, look(snapshot));
    });
  }

  /** `collect` sets all its series anew. */
  gauge(
    name: string,
    help: string,
    labelNames: string[],
    collect: (gauge: Gauge) => void | Promise<void>,
  ): void {
    new Gauge({
      ...this.#base(name, help),
      labelNames,
      async collect() {
        // One that has no labels would be 0 until it is set.
        if (labelNames.length > 0) this.reset();
        await collect(this);
      },
    });
  }

  /** `totals`, by pool, are asked for when it is scraped. */
  pulledPoolCounter(name: string, help: string, totals: () => Promise<ReadonlyMap<string, number>>): void {
    new Counter({
      ...this.#base(name, help),
      labelNames: ['pool'],
      async collect() {
        const all = await totals();
        this.reset();
        for (const [pool, total] of all) this.inc({ pool }, total);
      },
    });
  }

  /** Of the host: no pool. `total` is asked for when it is scraped. */
  pulledCounter(name: string, help: string, total: () => number | Promise<number>): void {
    new Counter({
      ...this.#base(name, help),
      async collect() {
        const now = await total();
        this.reset();
        this.inc(now);
      },
    });
  }

  hostCounter(name: string, help: string): Counter {
    return new Counter(this.#base(name, help));
  }

  hostHistogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ ...this.#base(name, help), buckets });
  }

  addPool(pool: string): void {
    for (const family of this.#perPool) family.add(pool);
  }

  removePool(pool: string): void {
    for (const family of this.#perPool) family.remove(pool);
  }

  removeAll(): void {
    for (const name of this.#names) this.registry.removeSingleMetric(name);
  }

  #base(name: string, help: string) {
    this.#names.push(this.prefix + name);
    return { name: this.prefix + name, help, registers: [this.registry] };
  }
}
