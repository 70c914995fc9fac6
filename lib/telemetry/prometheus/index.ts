export type { WatchedPool } from '../watched-pool.js';
export { createMetrics, type Metrics, type MetricsOptions } from './create-metrics.js';
export type { SweepDetails } from './sweeps.js';
