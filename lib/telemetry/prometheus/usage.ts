import type { Families } from './families.js';
import { type PoolUsage, UsageSampler } from './usage-sampler.js';

/** What the workers of each pool use, their descendants included. */
export function usageMetrics(families: Families): (pool: string) => void {
  const sampler = new UsageSampler(families.pools);
  const perPool = (name: string, help: string, read: (usage: PoolUsage) => number | undefined) =>
    families.gauge(name, help, ['pool'], async (gauge) => {
      for (const [pool, usage] of await sampler.sample()) {
        const value = read(usage);
        if (value !== undefined) gauge.set({ pool }, value);
      }
    });
  perPool(
    'worker_processes',
    'Processes of all workers, their descendants included.',
    (usage) => usage.processes,
  );
  perPool('worker_memory_bytes', 'Resident memory of all workers.', (usage) => usage.rssBytes);
  perPool('worker_memory_max_bytes', 'Resident memory of the largest worker.', (usage) => usage.maxRssBytes);
  perPool(
    'worker_cpu_max_ratio',
    'Cores that the busiest worker has kept busy since the scrape before.',
    (usage) => usage.maxCpuShare,
  );
  families.pulledPoolCounter(
    'worker_cpu_seconds_total',
    'CPU time of all workers. What one used between its last scrape and its end is missing.',
    async () => {
      await sampler.sample();
      return sampler.cpuSeconds;
    },
  );
  families.pulledCounter(
    'usage_failures_total',
    'Looks at what workers use that failed; their series are missing meanwhile.',
    async () => {
      await sampler.sample();
      return sampler.failures;
    },
  );
  return (pool) => sampler.cpuSeconds.delete(pool);
}
