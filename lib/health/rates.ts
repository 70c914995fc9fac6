import type { ProcessSample, TreeUse } from './sample.js';

export interface Rates {
  /** On the clock of `nowMs`, which stands still while the machine is suspended. */
  readonly intervalMs: number;
  /** How long the machine was suspended between the samples: what was expected meanwhile could not happen. */
  readonly suspendedMs: number;
  /** CPU time per time: 1 is one core kept busy. */
  readonly cpuShare: number;
  /** Below 0: it has become smaller. */
  readonly rssGrowthBytesPerS: number;
  /** The same of the whole tree, when both samples have it. */
  readonly tree: Pick<Rates, 'cpuShare' | 'rssGrowthBytesPerS'> | undefined;
}

// CPU time may come in hundredths of a second. Over less than this, one of them would count as a busy core.
const shortestMs = 20;
// By so much a counter may go back when one sample has it in nanoseconds and the other in hundredths of a second.
const roundingMs = 10;

/**
 * What a process did between two samples. Undefined when they don't tell: one of them failed, they are of two processes
 * (also under one pid), in the wrong order or too close together, or the counter went back.
 */
export function ratesBetween(
  earlier: ProcessSample | undefined,
  later: ProcessSample | undefined,
): Rates | undefined {
  if (earlier?.outcome !== 'sampled' || later?.outcome !== 'sampled') return undefined;
  if (earlier.id.pid !== later.id.pid || earlier.id.startTicks !== later.id.startTicks) return undefined;
  const intervalMs = later.atMs - earlier.atMs;
  if (!(intervalMs >= shortestMs)) return undefined;
  const spentMs = later.cpuMs - earlier.cpuMs;
  if (!(spentMs >= -roundingMs)) return undefined;
  return {
    intervalMs,
    suspendedMs: Math.max(0, later.suspendedMs - earlier.suspendedMs),
    cpuShare: Math.max(0, spentMs) / intervalMs,
    rssGrowthBytesPerS: growthPerS(earlier.rssBytes, later.rssBytes, intervalMs),
    tree: treeRates(earlier.tree, later.tree, spentMs, intervalMs),
  };
}

function treeRates(
  earlier: TreeUse | undefined,
  later: TreeUse | undefined,
  ownMs: number,
  intervalMs: number,
): Rates['tree'] {
  if (earlier === undefined || later === undefined) return undefined;
  // What a descendant used goes away with it when nobody waited for it. The process itself is still there.
  const spentMs = Math.max(0, ownMs, later.cpuMs - earlier.cpuMs);
  return {
    cpuShare: spentMs / intervalMs,
    rssGrowthBytesPerS: growthPerS(earlier.rssBytes, later.rssBytes, intervalMs),
  };
}

function growthPerS(earlierBytes: number, laterBytes: number, intervalMs: number): number {
  return ((laterBytes - earlierBytes) / intervalMs) * 1000;
}
