import type { Listeners } from '../listen.js';
import { heartbeatBuckets } from './buckets.js';
import type { Families } from './families.js';

export function heartbeatMetrics(families: Families): Listeners {
  const latency = families.histogram(
    'heartbeat_latency_seconds',
    'From a ping to its answer.',
    heartbeatBuckets,
  );
  const misses = families.counter('heartbeat_misses_total', 'Pings that were not answered.');
  return {
    'procguard:heartbeat:pong': ({ pool, latencyMs }) => latency.observe({ pool }, latencyMs / 1000),
    'procguard:heartbeat:miss': ({ pool }) => misses.inc({ pool }),
  };
}
