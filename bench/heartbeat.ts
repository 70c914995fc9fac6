import type { BenchOptions } from './arguments.js';
import type { Length as CallLength } from './calls/on-and-off.js';
import { benchCalls } from './heartbeat/calls.js';
import { type IdleLength, measureIdle, reportIdle } from './heartbeat/idle.js';
import type { Report } from './report.js';
import { Brand } from './survivors.js';

interface Length {
  idle: IdleLength;
  calls: CallLength;
}

const FULL: Length = {
  idle: { sizes: [1, 100, 1000], rounds: 3, settleMs: 2000, windowMs: 5000 },
  calls: { sizes: [4, 300], sets: 2, rounds: 40, blockMs: 250, manyInFlight: 64 },
};
const QUICK: Length = {
  idle: { sizes: [1, 2, 4], rounds: 1, settleMs: 100, windowMs: 1500 },
  calls: { sizes: [2], sets: 1, rounds: 2, blockMs: 60, manyInFlight: 8 },
};

/** What do heartbeats cost the host, the workers and the calls? Returns true when nothing survived. */
export async function benchHeartbeat(options: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  let isClean: boolean;
  try {
    const { idle, calls } = options.quick ? QUICK : FULL;
    const idleTargets = reportIdle(report, await measureIdle(idle, brand, report));
    report.targets([...idleTargets, ...(await benchCalls(calls, brand, report))]);
  } finally {
    isClean = report.leftovers(await brand.endSurvivors());
  }
  return isClean;
}
