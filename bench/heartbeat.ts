import { once } from 'node:events';
import { freemem } from 'node:os';
import { text } from 'node:stream/consumers';
import type { PoolOptions } from '../lib/index.js';
import type { BenchOptions } from './arguments.js';
import { blocksInTurn, CallHost, turns } from './calls/call-host.js';
import type { BlockFigures } from './calls/host.js';
import { within } from './deadline.js';
import type { IdleFigures, IdlePlan } from './heartbeat/idle-host.js';
import { startHost } from './host-process.js';
import { p50 } from './quantile.js';
import type { Report, Row, Target } from './report.js';
import { PYTHON, programPath } from './requests/child.js';
import { Brand } from './survivors.js';

interface Length {
  idle: { sizes: number[]; rounds: number; settleMs: number; windowMs: number };
  /** In each round all pools of a set have a block, and take turns at being the first. */
  calls: { sizes: number[]; sets: number; rounds: number; blockMs: number; manyInFlight: number };
}

/** With heartbeats and without. */
type Way = 'on' | 'off';
/** The control is off as well: by how much it differs is what this machine can't tell apart. */
type CallWay = Way | 'control';

interface IdleCell {
  workers: number;
  samples: Record<Way, IdleFigures[]>;
}

interface CallCell {
  workers: number;
  inFlight: number;
  /** Each of the same round and the same set. */
  blocks: Record<CallWay, BlockFigures>[];
}

const FULL: Length = {
  idle: { sizes: [1, 100, 1000], rounds: 3, settleMs: 2000, windowMs: 5000 },
  calls: { sizes: [4, 300], sets: 2, rounds: 15, blockMs: 500, manyInFlight: 64 },
};
const QUICK: Length = {
  idle: { sizes: [1, 2, 4], rounds: 1, settleMs: 100, windowMs: 1500 },
  calls: { sizes: [2], sets: 1, rounds: 2, blockMs: 60, manyInFlight: 8 },
};
const TARGETS = {
  hostPercent: 5,
  workerPercent: 0.1,
  flatness: 1.2,
  addedUs: 50,
  throughput: 0.98,
};
const INTERVAL_MS = 1000;
const DROPPED = 150;
const WORKER_BYTES = 12 * 2 ** 20;
const LIMIT_MS = 300_000;
const DAY_MS = 86_400_000;
const SILENT = {
  worker: false,
  heartbeat: false,
  cleanup: false,
  request: false,
  keeper: false,
  alert: false,
};

const WAYS: Way[] = ['on', 'off'];
const CALL_WAYS: CallWay[] = [...WAYS, 'control'];
const HEARTBEATS: Record<Way, Partial<PoolOptions>> = {
  on: { heartbeat: { intervalMs: INTERVAL_MS } },
  off: { heartbeat: { enabled: false } },
};
/** All that a pool does beside its calls. */
const NOTHING: Partial<PoolOptions> = { ...HEARTBEATS.off, telemetry: SILENT };
const MANAGEMENT: Record<CallWay, Partial<PoolOptions>> = {
  on: { ...HEARTBEATS.on, maxAgeMs: DAY_MS, maxRssBytes: 2 ** 40 },
  off: NOTHING,
  control: NOTHING,
};

/** What do heartbeats cost the host, the workers and the calls? Returns true when nothing survived. */
export async function benchHeartbeat(options: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  let isClean: boolean;
  try {
    const { idle, calls } = options.quick ? QUICK : FULL;
    const idleTargets = reportIdle(report, await measureIdle(idle, brand, report));
    report.targets([...idleTargets, ...reportCalls(report, await measureCalls(calls, brand, report))]);
  } finally {
    isClean = report.leftovers(await brand.endSurvivors());
  }
  return isClean;
}

const poolOf = (workers: number, more: Partial<PoolOptions>): PoolOptions => ({
  command: PYTHON,
  args: [programPath('worker.py')],
  size: workers,
  ...more,
});

async function measureIdle(
  { sizes, rounds, settleMs, windowMs }: Length['idle'],
  brand: Brand,
  report: Report,
): Promise<IdleCell[]> {
  const cells = sizes.map((workers): IdleCell => ({ workers, samples: { on: [], off: [] } }));
  const fitting = cells.filter(({ workers }) => isRoomFor(workers, report));
  for (let round = 1; round <= rounds; round++) {
    for (const { workers, samples } of fitting) {
      for (const way of turns(round, WAYS)) {
        report.progress(`round ${round} of ${rounds}: ${workers} idle workers, heartbeats ${way} ...`);
        const pool = poolOf(workers, HEARTBEATS[way]);
        samples[way].push(await runIdleHost({ pool, settleMs, windowMs }, brand));
      }
    }
  }
  return fitting;
}

async function runIdleHost(plan: IdlePlan, brand: Brand): Promise<IdleFigures> {
  const host = startHost('heartbeat/idle-host', plan, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: brand.environment(),
    flags: ['--expose-gc'],
  });
  const ended = Promise.all([text(host.stdout as NodeJS.ReadableStream), once(host, 'exit')]);
  const found = await within(LIMIT_MS, ended);
  if (found === undefined) host.kill('SIGKILL');
  const [output, [code, signal]] = found ?? ['', ['no end', null]];
  if (code !== 0) throw new Error(`The host of ${plan.pool.size} idle workers: ${code ?? signal}`);
  const figures: IdleFigures = JSON.parse(output);
  brand.addHost(figures.traces);
  return figures;
}

async function measureCalls(
  { sizes, sets, rounds, blockMs, manyInFlight }: Length['calls'],
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

function isRoomFor(workers: number, report: Report): boolean {
  const isRoom = freemem() > workers * WORKER_BYTES;
  if (!isRoom) report.note(`not measured with ${workers} workers: too little free memory`);
  return isRoom;
}

function reportIdle(report: Report, cells: IdleCell[]): Target[] {
  const rows = cells.map(idleRow);
  report.table(
    'idle',
    `Idle Python workers, pinged each ${INTERVAL_MS} ms, and not: CPU of the host and of a worker in % of one core; what heartbeats take of the host for each worker, in µs per beat; private memory, in KB`,
    [
      { key: 'workers', title: 'workers' },
      { key: 'rounds', title: 'rounds' },
      { key: 'hostOn', title: 'host %, on', digits: 3 },
      { key: 'hostOff', title: 'off', digits: 3 },
      { key: 'beatUs', title: 'µs per beat', digits: 1 },
      { key: 'workerOn', title: 'worker %, on', digits: 4 },
      { key: 'workerOff', title: 'off', digits: 4 },
      { key: 'mostOn', title: 'busiest, on', digits: 4 },
      { key: 'hostKbOn', title: 'host KB per worker, on', digits: 1 },
      { key: 'hostKbOff', title: 'off', digits: 1 },
      { key: 'workerKbOn', title: 'worker KB, on' },
      { key: 'workerKbOff', title: 'off' },
    ],
    rows,
  );
  const last = rows.at(-1);
  if (last === undefined) return [];
  const before = rows.at(-2);
  return [
    {
      what: `${last.workers} workers: host, % of one core`,
      measured: last.hostOn,
      target: TARGETS.hostPercent,
    },
    {
      what: `${last.workers} workers: each worker, % of one core`,
      measured: last.workerOn,
      target: TARGETS.workerPercent,
    },
    ...(before === undefined
      ? []
      : [
          {
            what: `host CPU per beat, ${last.workers} workers over ${before.workers}`,
            measured: last.beatUs / before.beatUs,
            target: TARGETS.flatness,
          },
          {
            what: `CPU of a worker, ${last.workers} workers over ${before.workers}`,
            measured: last.workerOn / before.workerOn,
            target: TARGETS.flatness,
          },
        ]),
  ];
}

function idleRow({ workers, samples }: IdleCell) {
  const middle = (way: Way, key: Exclude<keyof IdleFigures, 'traces'>) =>
    p50(samples[way].map((figures) => figures[key]));
  const hostOn = 100 * middle('on', 'hostShare');
  const hostOff = 100 * middle('off', 'hostShare');
  return {
    workers,
    rounds: samples.on.length,
    hostOn,
    hostOff,
    beatUs: (((hostOn - hostOff) / 100) * INTERVAL_MS * 1000) / workers,
    workerOn: 100 * middle('on', 'workerShare'),
    workerOff: 100 * middle('off', 'workerShare'),
    mostOn: 100 * middle('on', 'mostShare'),
    hostKbOn: middle('on', 'hostBytes') / 1024 / workers,
    hostKbOff: middle('off', 'hostBytes') / 1024 / workers,
    workerKbOn: middle('on', 'workerBytes') / 1024,
    workerKbOff: middle('off', 'workerBytes') / 1024,
  } satisfies Row;
}

function reportCalls(report: Report, cells: CallCell[]): Target[] {
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
