import { eventNames } from '../lib/events/names.js';
import type { BenchOptions } from './arguments.js';
import type { CallPlan } from './calls/host.js';
import { type Length, measureOnAndOff, reportOnAndOff, type Way } from './calls/on-and-off.js';
import { SILENT } from './calls/silent.js';
import type { Report } from './report.js';
import { PYTHON, programPath } from './requests/child.js';
import { Brand } from './survivors.js';

const FULL: Length = { sizes: [1, 4], sets: 4, rounds: 30, blockMs: 250, manyInFlight: 64 };
const QUICK: Length = { sizes: [1, 2], sets: 1, rounds: 2, blockMs: 60, manyInFlight: 8 };
const TARGETS = { addedUs: 30, throughput: 0.97 };
const WHAT = 'a listener on every event and metrics that are scraped each second';
const CONCURRENCY = 64;
/** What does all of telemetry cost calls? Returns true when nothing survived. */
export async function benchTelemetry({ quick }: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  let isClean: boolean;
  try {
    const cells = await measureOnAndOff(quick ? QUICK : FULL, planOf, brand, report);
    report.targets(reportOnAndOff(report, cells, WHAT, TARGETS));
  } finally {
    isClean = report.leftovers(await brand.endSurvivors());
  }
  return isClean;
}

const planOf = (workers: number, way: Way): CallPlan => ({
  pool: {
    command: PYTHON,
    args: [programPath('worker.py')],
    size: workers,
    concurrency: CONCURRENCY,
    ...(way === 'on' ? {} : { telemetry: SILENT }),
  },
  listensTo: way === 'on' ? eventNames : [],
  isScraped: way === 'on',
});
