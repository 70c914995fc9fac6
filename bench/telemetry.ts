import type { EventName } from '../lib/index.js';
import type { BenchOptions } from './arguments.js';
import { blocksInTurn, CallHost, turns } from './calls/call-host.js';
import type { BlockFigures, CallPlan } from './calls/host.js';
import { p50 } from './quantile.js';
import type { Report, Row, Target } from './report.js';
import { PYTHON, programPath } from './requests/child.js';
import { Brand } from './survivors.js';

interface Length {
  sizes: number[];
  /** In each set the processes are new ones: two alike may differ by some percent for as long as they live. */
  sets: number;
  rounds: number;
  blockMs: number;
  manyInFlight: number;
}

/** With all of telemetry and with none. The control is off as well: by how much it differs is what this machine can't tell apart. */
type Way = 'on' | 'off' | 'control';

interface Cell {
  workers: number;
  inFlight: number;
  /** Each of the same round and the same set. */
  blocks: Record<Way, BlockFigures>[];
}

const FULL: Length = { sizes: [1, 4], sets: 4, rounds: 30, blockMs: 250, manyInFlight: 64 };
const QUICK: Length = { sizes: [1, 2], sets: 1, rounds: 2, blockMs: 60, manyInFlight: 8 };
const TARGETS = { addedUs: 30, throughput: 0.97 };
const DROPPED = 150;
const CONCURRENCY = 64;
const WAYS: Way[] = ['on', 'off', 'control'];
const SILENT = {
  worker: false,
  heartbeat: false,
  cleanup: false,
  request: false,
  keeper: false,
  alert: false,
};
const ALL_EVENTS: Record<EventName, true> = {
  'procguard:worker:start': true,
  'procguard:worker:ready': true,
  'procguard:worker:exit': true,
  'procguard:worker:unhealthy': true,
  'procguard:worker:replace': true,
  'procguard:heartbeat:pong': true,
  'procguard:heartbeat:miss': true,
  'procguard:cleanup:done': true,
  'procguard:cleanup:failed': true,
  'procguard:request:submit': true,
  'procguard:request:start': true,
  'procguard:request:end': true,
  'procguard:keeper:start': true,
  'procguard:keeper:lost': true,
  'procguard:alert': true,
};

/** What does all of telemetry cost calls? Returns true when nothing survived. */
export async function benchTelemetry({ quick }: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  let isClean: boolean;
  try {
    const cells = await measure(quick ? QUICK : FULL, brand, report);
    report.targets(reportCalls(report, cells));
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
  listensTo: way === 'on' ? (Object.keys(ALL_EVENTS) as EventName[]) : [],
  isScraped: way === 'on',
});

async function measure(
  { sizes, sets, rounds, blockMs, manyInFlight }: Length,
  brand: Brand,
  report: Report,
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const workers of sizes) {
    const ofSize = [1, manyInFlight].map((inFlight): Cell => ({ workers, inFlight, blocks: [] }));
    for (let set = 1; set <= sets; set++) {
      report.progress(`set ${set} of ${sets}: calls to ${workers} workers, with and without listeners ...`);
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

function reportCalls(report: Report, cells: Cell[]): Target[] {
  const rows = cells.map(callRow);
  report.table(
    'calls',
    'Small JSON there and back, with a listener on every event and metrics that are scraped each second, and with nothing of that, in blocks that take turns: medians of the blocks, and of the differences and ratios of those of one round. The control is a second pool without listeners: where it differs as much, the machine is too busy to tell',
    [
      { key: 'workers', title: 'workers' },
      { key: 'inFlight', title: 'in flight' },
      { key: 'rounds', title: 'rounds' },
      { key: 'p99OnUs', title: 'p99 µs, on', digits: 1 },
      { key: 'p99OffUs', title: 'off', digits: 1 },
      { key: 'addedUs', title: 'added', digits: 1 },
      { key: 'controlAddedUs', title: 'control', digits: 1 },
      { key: 'callsPerSOn', title: 'calls/s, on' },
      { key: 'callsPerSOff', title: 'off' },
      { key: 'cpuOnUs', title: 'host CPU µs, on', digits: 2 },
      { key: 'cpuOffUs', title: 'off', digits: 2 },
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

function callRow({ workers, inFlight, blocks }: Cell) {
  const middle = (way: Way, key: keyof BlockFigures) => p50(blocks.map((block) => block[way][key]));
  return {
    workers,
    inFlight,
    rounds: blocks.length,
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
