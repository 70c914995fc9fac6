import type { CleanupEvent } from '../../events/events.js';
import type { Listeners } from '../listen.js';
import { cleanupBuckets } from './buckets.js';
import type { Families } from './families.js';

export function cleanupMetrics(families: Families): Listeners {
  const time = families.histogram(
    'cleanup_seconds',
    "Until nothing of a worker's tree was left, or it was given up.",
    cleanupBuckets,
  );
  const failures = families.counter('cleanup_failures_total', 'Trees of which something survived.');
  const observe = ({ pool, durationMs }: CleanupEvent) => time.observe({ pool }, durationMs / 1000);
  return {
    'procguard:cleanup:done': observe,
    'procguard:cleanup:failed': (event) => {
      observe(event);
      failures.inc({ pool: event.pool });
    },
  };
}
