import type { Metric } from 'prom-client';
import type { Tally } from './tally.js';

interface Value {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What a registry of prom-client asks of a metric. */
export class TallyHistogram {
  readonly type = 'histogram';
  readonly aggregator = 'sum';

  constructor(
    readonly name: string,
    readonly help: string,
    private readonly buckets: readonly number[],
    /** By pool. */
    private readonly tallies: () => Iterable<readonly [string, Tally]>,
  ) {}

  /** The registry's type names its own four classes only; it uses no more of them than this. */
  asMetric(): Metric {
    return this as unknown as Metric;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    const values = [...this.tallies()].flatMap(([pool, tally]) => this.#valuesOf(pool, tally));
    return { name, help, type, aggregator, values };
  }

  #valuesOf(pool: string, tally: Tally): Value[] {
    const counts = tally.cumulated();
    return [
      ...counts.map((value, index) => ({
        metricName: `${this.name}_bucket`,
        labels: { le: this.buckets[index] ?? '+Inf', pool },
        value,
      })),
      { metricName: `${this.name}_sum`, labels: { pool }, value: tally.sum },
      { metricName: `${this.name}_count`, labels: { pool }, value: counts.at(-1) as number },
    ];
  }
}
