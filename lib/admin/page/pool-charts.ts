import { TimeChart } from './charts.js';
import { byId } from './dom.js';
import { bytes, milliseconds, rate } from './format.js';
import type { PoolHistory } from './store.js';

const height = 104;
const whole = (value: number) => (Number.isInteger(value) ? String(value) : '');

/** Throughput, queue, latency, CPU and memory of the pool that is shown. */
export class PoolCharts {
  readonly #rate = new TimeChart('Throughput', [{ label: 'requests/s', color: 'active' }], rate, height);
  readonly #queue = new TimeChart(
    'Queue depth',
    [
      { label: 'queued', color: 'warning' },
      { label: 'in flight', color: 'active' },
    ],
    whole,
    height,
  );
  readonly #latency = new TimeChart(
    'Latency',
    [
      { label: 'p95', color: 'violet' },
      { label: 'p50', color: 'active' },
    ],
    (value) => (value < 1000 ? `${value}` : `${value / 1000}k`),
    height,
  );
  readonly #cpu = new TimeChart('CPU', [{ label: 'cores', color: 'good' }], (value) => `${value}`, height);

  constructor() {
    byId('charts').append(...this.#all.map(({ element }) => element));
  }

  get #all(): TimeChart[] {
    return [this.#rate, this.#queue, this.#latency, this.#cpu];
  }

  show(history: PoolHistory): void {
    const times = history.times.values;
    const last = (values: readonly (number | null)[]) => values.at(-1) ?? null;
    const { rate: rates, queued, inFlight, p50, p95, cpu, rss } = history;
    this.#rate.show(times, [rates.values], `${rate(last(rates.values) ?? 0)} /s`);
    const waiting = `${last(queued.values) ?? 0} queued, ${last(inFlight.values) ?? 0} in flight`;
    this.#queue.show(times, [queued.values, inFlight.values], waiting);
    const latency = p50.isEmpty
      ? 'no requests'
      : `p50 ${milliseconds(last(p50.values))}, p95 ${milliseconds(last(p95.values))}`;
    this.#latency.show(times, [p95.values, p50.values], latency);
    const load = `${(last(cpu.values) ?? 0).toFixed(1)} cores, ${bytes(last(rss.values))}`;
    this.#cpu.show(times, [cpu.values], load);
  }

  repaint(): void {
    for (const chart of this.#all) chart.repaint();
  }
}
