import type { PoolOptions } from '../../lib/index.js';
import { type Length, measureOnAndOff, reportOnAndOff, WAYS, type Way } from '../calls/on-and-off.js';
import { SILENT } from '../calls/silent.js';
import type { Report, Target } from '../report.js';
import type { Brand } from '../survivors.js';
import { HEARTBEATS, isRoomFor, poolOf } from './plan.js';

const TARGETS = { addedUs: 50, throughput: 0.98 };
const DAY_MS = 86_400_000;

/** All that a pool does beside its calls. */
const NOTHING: Partial<PoolOptions> = { ...HEARTBEATS.off, telemetry: SILENT };
const MANAGEMENT: Record<Way, Partial<PoolOptions>> = {
  on: { ...HEARTBEATS.on, maxAgeMs: DAY_MS, maxRssBytes: 2 ** 40 },
  off: NOTHING,
  control: NOTHING,
};

/** What all that a pool does beside its calls costs these. */
export async function benchCalls(length: Length, brand: Brand, report: Report): Promise<Target[]> {
  const sizes = length.sizes.filter((size) => isRoomFor(WAYS.length * size, report));
  const planOf = (workers: number, way: Way) => ({ pool: poolOf(workers, MANAGEMENT[way]) });
  const cells = await measureOnAndOff({ ...length, sizes }, planOf, brand, report);
  return reportOnAndOff(report, cells, 'all that a pool does beside calls', TARGETS);
}
