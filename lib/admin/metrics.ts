import type { Metrics } from '../telemetry/prometheus/index.js';
import type { AdminConfig, MetricsSource } from './options.js';

/** What `/metrics` answers. */
export interface ServedMetrics {
  /** Undefined: it is switched off. */
  readonly source: MetricsSource | undefined;
  stop(): void;
}

/** Measures the pools when the program has no registry of its own. prom-client is loaded for that, and not before. */
export async function serveMetrics({ metrics, pools }: AdminConfig): Promise<ServedMetrics> {
  if (metrics !== undefined) return { source: metrics === false ? undefined : metrics, stop() {} };
  const { createMetrics } = await import('../telemetry/prometheus/index.js');
  const { registry, stop }: Metrics = createMetrics({ pools: [...pools.values()] });
  return { source: registry, stop };
}
