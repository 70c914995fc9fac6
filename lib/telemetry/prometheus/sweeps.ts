import { checkKeys, invalidOption } from '../../errors.js';
import type { SweepReport } from '../../guard/sweep.js';
import { hostDeathBuckets, sweepBuckets } from './buckets.js';
import type { Families } from './families.js';

export interface SweepDetails {
  /** When the host before this one died, if somebody knows: its supervisor, for one. */
  hostDiedAt?: Date | undefined;
}

/** Returns `recordSweep`. */
export function sweepMetrics(families: Families): (report: SweepReport, details?: SweepDetails) => void {
  const time = families.hostHistogram('sweep_seconds', 'How long a sweep took.', sweepBuckets);
  const found = families.hostCounter('sweep_orphans_found_total', 'Orphans of dead hosts that sweeps found.');
  const killed = families.hostCounter('sweep_orphans_killed_total', 'Orphans that sweeps sent SIGKILL.');
  const survivors = families.hostCounter(
    'sweep_orphans_survived_total',
    'Orphans that lived on in spite of SIGKILL.',
  );
  const death = families.hostHistogram(
    'host_death_to_clean_seconds',
    'From the death of the host before this one until a sweep had found that none of its processes was left.',
    hostDeathBuckets,
  );
  return (report, details = {}) => {
    checkKeys('details', details, ['hostDiedAt']);
    const { hostDiedAt } = details;
    if (hostDiedAt !== undefined && !(hostDiedAt instanceof Date && !Number.isNaN(hostDiedAt.getTime())))
      throw invalidOption('hostDiedAt', hostDiedAt, 'a Date');
    time.observe(report.durationMs / 1000);
    found.inc(report.found.length);
    killed.inc(report.killed.length);
    survivors.inc(report.survivors.length);
    if (hostDiedAt === undefined || report.survivors.length > 0) return;
    // Another process's death has no other clock than the wall's.
    death.observe(Math.max(0, (Date.now() - hostDiedAt.getTime()) / 1000));
  };
}
