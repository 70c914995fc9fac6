import { p50 } from '../quantile.js';
import type { Report, Row, Target } from '../report.js';
import type { Brand } from '../survivors.js';
import { blocksInTurn, CallHost, turns } from './call-host.js';
import type { BlockFigures, CallPlan } from './host.js';

/** In each round all pools of a set have a block, and take turns at being the first. */
export interface Length {
  sizes: number[];
  /** In each set the processes are new ones: two alike may differ by some percent for as long as they live. */
  sets: number;
  rounds: number;
  blockMs: number;
  manyInFlight: number;
}

/** With what is measured and without. The control is off as well: by how much it differs is what this machine can't tell apart. */
export type Way = 'on' | 'off' | 'control';

export const WAYS: Way[] = ['on', 'off', 'control'];

interface Cell {
  workers: number;
  inFlight: number;
  /** Each of the same round and the same set. */
  blocks: Record<Way, BlockFigures>[];
}

export interface Limits {
  /** To the p99 of calls one after the other. */
  addedUs: number;
  /** Of the calls per second, on over off. */
  throughput: number;
}

const DROPPED = 150;

/** Calls to pools that are alike but for what is on or off. */
export async function measureOnAndOff(
  { sizes, sets, rounds, blockMs, manyInFlight }: Length,
  planOf: (workers: number, way: Way) => CallPlan,
  brand: Brand,
  report: Report,
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const workers of sizes) {
    const ofSize = [1, manyInFlight].map((inFlight): Cell => ({ workers, inFlight, blocks: [] }));
    for (let set = 1; set <= sets; set++) {
      report.progress(`set ${set} of ${sets}: calls to ${workers} workers, on and off ...`);
      const hosts = WAYS.map((way) => new CallHost(way, planOf(workers, way), brand));
      try {
        for (const host of hosts) await host.ready();
        for (let round = 1; round <= rounds; round++)
          for (const { inFlight, blocks } of ofSize)
            blocks.push(await blocksInTurn(turns(round, hosts), { inFlight, blockMs, dropped: DROPPED }));
      } finally {
        for (const host of hosts) await host.end();
      }
    }
    cells.push(...ofSize);
  }
  return cells;
}

/** `what` is on and off, in words. */
export function reportOnAndOff(report: Report, cells: Cell[], what: string, limits: Limits): Target[] {
  const rows = cells.map(rowOf);
  report.table(
    'calls',
    `Small JSON there and back, with ${what} and without, in blocks that take turns: medians of the blocks, and of the differences and ratios of those of one round. The control is a second pool without: where it differs as much, the machine is too busy to tell`,
    [
      { key: 'workers', title: 'workers' },
      { key: 'inFlight', title: 'in flight' },
      { key: 'rounds', title: 'rounds' },
      { key: 'p50OnUs', title: 'p50 µs, on', digits: 1 },
      { key: 'p50OffUs', title: 'off', digits: 1 },
      { key: 'p99OnUs', title: 'p99 µs, on', digits: 1 },
      { key: 'p99OffUs', title: 'off', digits: 1 },
      { key: 'addedUs', title: 'added', digits: 1 },
      { key: 'controlAddedUs', title: 'control', digits: 1 },
      { key: 'callsPerSOn', title: 'calls/s, on' },
      { key: 'callsPerSOff', title: 'off' },
      { key: 'cpuOnUs', title: 'host CPU µs a call, on', digits: 2 },
      { key: 'cpuOffUs', title: 'off', digits: 2 },
      { key: 'ratio', title: 'ratio', digits: 3 },
      { key: 'controlRatio', title: 'control', digits: 3 },
    ],
    rows,
  );
  return rows.map(({ workers, inFlight, addedUs, ratio }): Target => {
    const where = `${workers} workers, ${inFlight} in flight`;
    return inFlight === 1
      ? { what: `${where}: added to p99, µs`, measured: addedUs, target: limits.addedUs }
      : {
          what: `${where}: calls/s, on over off`,
          measured: ratio,
          target: limits.throughput,
          bound: 'at least',
        };
  });
}

function rowOf({ workers, inFlight, blocks }: Cell) {
  const middle = (way: Way, key: keyof BlockFigures) => p50(blocks.map((block) => block[way][key]));
  return {
    workers,
    inFlight,
    rounds: blocks.length,
    p50OnUs: middle('on', 'p50Us'),
    p50OffUs: middle('off', 'p50Us'),
    p99OnUs: middle('on', 'p99Us'),
    p99OffUs: middle('off', 'p99Us'),
    addedUs: p50(blocks.map(({ on, off }) => on.p99Us - off.p99Us)),
    controlAddedUs: p50(blocks.map(({ control, off }) => control.p99Us - off.p99Us)),
    callsPerSOn: middle('on', 'callsPerS'),
    callsPerSOff: middle('off', 'callsPerS'),
    cpuOnUs: middle('on', 'cpuPerCallUs'),
    cpuOffUs: middle('off', 'cpuPerCallUs'),
    ratio: p50(blocks.map(({ on, off }) => on.callsPerS / off.callsPerS)),
    controlRatio: p50(blocks.map(({ control, off }) => control.callsPerS / off.callsPerS)),
  } satisfies Row;
}
