import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { nowMs } from '../../clock.js';
import type { Families } from './families.js';

const resolutionMs = 20;
// Two scrapers would take each other's values; those of one moment get the same.
const keptMs = 1000;

interface Look {
  readonly atMs: number;
  readonly maxSeconds: number;
  readonly p99Seconds: number;
  readonly utilization: number;
}

/** The host's own loop, on which everything waits. Returns what stops the measurement. */
export function eventLoopMetrics(families: Families): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  let last: Look | undefined;
  const look = (): Look => {
    if (last !== undefined && nowMs() - last.atMs < keptMs) return last;
    const now = performance.eventLoopUtilization();
    last = {
      atMs: nowMs(),
      maxSeconds: secondsOf(delay.max),
      p99Seconds: secondsOf(delay.percentile(99)),
      utilization: performance.eventLoopUtilization(now, before).utilization,
    };
    before = now;
    delay.reset();
    return last;
  };
  const since = 'since the scrape before';
  families.gauge(
    'event_loop_lag_max_seconds',
    `The longest time that the host's event loop was late, ${since}.`,
    [],
    (gauge) => gauge.set({}, look().maxSeconds),
  );
  families.gauge(
    'event_loop_lag_p99_seconds',
    `How late the host's event loop was, 99th percentile ${since}.`,
    [],
    (gauge) => gauge.set({}, look().p99Seconds),
  );
  families.gauge(
    'event_loop_utilization_ratio',
    `The share of time that the host's event loop was at work, ${since}.`,
    [],
    (gauge) => gauge.set({}, look().utilization),
  );
  return () => delay.disable();
}

/** What was measured is the time between two ticks. */
function secondsOf(nanoseconds: number): number {
  const lagMs = nanoseconds / 1e6 - resolutionMs;
  return Number.isFinite(lagMs) && lagMs > 0 ? lagMs / 1000 : 0;
}
