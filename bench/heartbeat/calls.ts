import type { PoolOptions } from '../../lib/index.js';
import { blocksInTurn, CallHost, turns } from '../calls/call-host.js';
import type { BlockFigures } from '../calls/host.js';
import { p50 } from '../quantile.js';
import type { Report, Row, Target } from '../report.js';
import type { Brand } from '../survivors.js';
import { HEARTBEATS, isRoomFor, poolOf, WAYS, type Way } from './plan.js';

/** In each round all pools of a set have a block, and take turns at being the first. */
export interface CallLength {
  sizes: number[];
  sets: number;
  rounds: number;
  blockMs: number;
  manyInFlight: number;
}

/** The control is off as well: by how much it differs is what this machine can't tell apart. */
type CallWay = Way | 'control';

interface CallCell {
  workers: number;
  inFlight: number;
  /** Each of the same round and the same set. */
  blocks: Record<CallWay, BlockFigures>[];
}

const TARGETS = { addedUs: 50, throughput: 0.98 };
const DROPPED = 150;
const DAY_MS = 86_400_000;
const SILENT = {
  worker: false,
  heartbeat: false,
  cleanup: false,
  request: false,
  keeper: false,
  alert: false,
};

const CALL_WAYS: CallWay[] = [...WAYS, 'control'];
/** All that a pool does beside its calls. */
const NOTHING: Partial<PoolOptions> = { ...HEARTBEATS.off, telemetry: SILENT };
const MANAGEMENT: Record<CallWay, Partial<PoolOptions>> = {
  on: { ...HEARTBEATS.on, maxAgeMs: DAY_MS, maxRssBytes: 2 ** 40 },
  off: NOTHING,
  control: NOTHING,
};

/** What all that a pool does beside its calls costs these. */
export async function measureCalls(
  { sizes, sets, rounds, blockMs, manyInFlight }: CallLength,
  brand: Brand,
  report: Report,
): Promise<CallCell[]> {
  const cells: CallCell[] = [];
  for (const workers of sizes.filter((size) => isRoomFor(CALL_WAYS.length * size, report))) {
    const ofSize = [1, manyInFlight].map((inFlight): CallCell => ({ workers, inFlight, blocks: [] }));
    for (let set = 1; set <= sets; set++) {
      report.progress(`set ${set} of ${sets}: calls to ${workers} workers, everything on and off ...`);
      const hosts = CALL_WAYS.map(
        (way) => new CallHost(way, { pool: poolOf(workers, MANAGEMENT[way]) }, brand),
      );
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

export function reportCalls(report: Report, cells: CallCell[]): Target[] {
  const rows = cells.map(callRow);
  report.table(
    'calls',
    'Small JSON there and back, with everything on and with everything off, in blocks that take turns: medians of the blocks, and of the differences and ratios of those of one round. The control is a second pool with everything off: where it differs as much, the machine is too busy to tell',
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
      { key: 'ratio', title: 'ratio', digits: 3 },
      { key: 'controlRatio', title: 'control', digits: 3 },
    ],
    rows,
  );
  return rows.map(({ workers, inFlight, addedUs, ratio }): Target => {
    const where = `${workers} workers, ${inFlight} in flight`;
    return inFlight === 1
      ? { what: `${where}: added to p99, µs`, measured: addedUs, target: TARGETS.addedUs }
      : {
          what: `${where}: calls/s, on over off`,
          measured: ratio,
          target: TARGETS.throughput,
          bound: 'at least',
        };
  });
}

function callRow({ workers, inFlight, blocks }: CallCell) {
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
    ratio: p50(blocks.map(({ on, off }) => on.callsPerS / off.callsPerS)),
    controlRatio: p50(blocks.map(({ control, off }) => control.callsPerS / off.callsPerS)),
  } satisfies Row;
}
