import {
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  performance,
} from 'node:perf_hooks';
import { nowMs } from '../../clock.js';
import type { Families } from './families.js';

const resolutionMs = 20;
// A scrape that comes while the loop stands still is given up by who asked, and there may be two scrapers: what one look has found
// is told by those of the next minute too.
const keptMs = 60_000;
// A monitor needs some ticks to see anything.
const betweenResetsMs = 1000;

/** The host's own loop, on which everything waits. Returns what stops the measurement. */
export function eventLoopMetrics(families: Families): () => void {
  // A reset forgets when the tick before was, and so the lag that goes on at that time. One of two is reset at a time.
  let [older, newer] = [startMonitor(), startMonitor()];
  let resetMs = nowMs();
  let looks: { atMs: number; maxSeconds: number }[] = [];
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  families.gauge(
    'event_loop_lag_max_seconds',
    "How late the host's event loop was at most, in the last minute.",
    [],
    (gauge) => {
      const atMs = nowMs();
      const maxSeconds = secondsOf(Math.max(older.max, newer.max));
      looks = looks.filter((look) => atMs - look.atMs < keptMs);
      gauge.set({}, Math.max(maxSeconds, ...looks.map((look) => look.maxSeconds)));
      if (atMs - resetMs < betweenResetsMs) return;
      looks.push({ atMs, maxSeconds });
      resetMs = atMs;
      older.reset();
      [older, newer] = [newer, older];
    },
  );
  families.gauge(
    'event_loop_utilization_ratio',
    "The share of time that the host's event loop was at work, since the scrape before.",
    [],
    (gauge) => {
      const now = performance.eventLoopUtilization();
      gauge.set({}, performance.eventLoopUtilization(now, before).utilization);
      before = now;
    },
  );
  return () => {
    older.disable();
    newer.disable();
  };
}

function startMonitor(): IntervalHistogram {
  const monitor = monitorEventLoopDelay({ resolution: resolutionMs });
  monitor.enable();
  return monitor;
}

/** What was measured is the time between two ticks. */
function secondsOf(nanoseconds: number): number {
  const lagMs = nanoseconds / 1e6 - resolutionMs;
  return Number.isFinite(lagMs) && lagMs > 0 ? lagMs / 1000 : 0;
}
