import { byId } from './dom.js';
import { bytes, count, rate } from './format.js';
import type { History } from './history.js';
import { type PoolHistory, poolSeconds } from './store.js';
import { type Line, TimeChart } from './time-chart.js';

const height = 104;

/** Throughput, queue, latency, CPU and memory of the pool that is shown. */
export class PoolCharts {
  readonly #rate = this.#chart('Throughput', rate, { label: 'requests/s', color: 'active' });
  readonly #queue = this.#chart(
    'Queue',
    (value) => (Number.isInteger(value) ? String(value) : ''),
    { label: 'queued', color: 'warning' },
    { label: 'in flight', color: 'active' },
  );
  readonly #latency = this.#chart(
    'Latency',
    (value) => (value < 1000 ? `${value} ms` : `${value / 1000} s`),
    { label: 'p95', color: 'violet' },
    { label: 'p50', color: 'active' },
  );
  readonly #cpu = this.#chart('CPU', String, { label: 'cores', color: 'good' });

  constructor() {
    byId('charts').append(...this.#all.map(({ element }) => element));
  }

  show({ rate: rates, queued, inFlight, p50, p95, cpu, rss }: PoolHistory): void {
    const last = ({ values }: History) => values.at(-1) ?? 0;
    const inMs = (history: History) => {
      const value = history.values.at(-1) ?? null;
      return value === null ? '–' : count(Math.round(value));
    };
    this.#rate.show([rates.values], [`${rate(last(rates))} /s`]);
    const waiting = [`${last(queued)} queued`, `${last(inFlight)} in flight`];
    this.#queue.show([queued.values, inFlight.values], waiting);
    this.#latency.show([p95.values, p50.values], [`p95 ${inMs(p95)}`, `p50 ${inMs(p50)}`]);
    this.#cpu.show([cpu.values], [`${last(cpu).toFixed(1)} cores, ${bytes(last(rss))}`]);
  }

  repaint(): void {
    for (const chart of this.#all) chart.repaint();
  }

  get #all(): TimeChart[] {
    return [this.#rate, this.#queue, this.#latency, this.#cpu];
  }

  #chart(title: string, format: (value: number) => string, ...lines: Line[]): TimeChart {
    return new TimeChart(title, lines, format, height, poolSeconds);
  }
}
