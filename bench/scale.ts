import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, freemem } from 'node:os';
import { delimiter } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { BenchOptions } from './arguments.js';
import { withProgram } from './compile.js';
import { within } from './deadline.js';
import { startHost } from './host-process.js';
import { p50 } from './quantile.js';
import type { Report, Row, Target } from './report.js';
import { PYTHON, programPath } from './requests/child.js';
import type { HostFigures, HostPlan } from './scale/host.js';
import type { Blocks } from './scale/loop-watch.js';
import { Brand } from './survivors.js';

interface Length {
  sizes: number[];
  /** In each, every size has its turn. */
  rounds: number;
  callers: number;
  calls: number;
  dropped: number;
}

/** What one round found of one size. */
interface Sample {
  allAtOnceMs: number;
  fewAtATimeMs: number;
  host: HostFigures;
}

interface Cell {
  workers: number;
  samples: Sample[];
}

const FULL: Length = { sizes: [10, 100, 500, 1000], rounds: 3, callers: 64, calls: 30_000, dropped: 10_000 };
const QUICK: Length = { sizes: [2, 4], rounds: 1, callers: 4, calls: 200, dropped: 50 };
const TARGETS = { readyRatio: 1.3, blockedMs: 50, kbPerWorker: 100, callRatio: 1.2 };
const ARGS = [programPath('worker.py')];
const WORKER_BYTES = 12 * 2 ** 20;
// So few that they have a processor most of the time, and so many that no processor is idle.
const FEW = 2 * availableParallelism();
const LIMIT_MS = 300_000;

const WAYS = { anyWorker: 'to any worker', byKey: 'by key, to all workers' };
const PHASES = { start: 'at start', calls: 'in calls', close: 'at close' };

/** What do many workers cost their host? Returns true when nothing survived. */
export async function benchScale(options: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  let isClean: boolean;
  try {
    await withProgram('scale/start-workers', (yardstick) => run(yardstick, options, brand, report));
  } finally {
    isClean = report.leftovers(await brand.endSurvivors());
  }
  return isClean;
}

async function run(yardstick: string, { quick }: BenchOptions, brand: Brand, report: Report): Promise<void> {
  const { sizes, rounds, ...calls } = quick ? QUICK : FULL;
  const cells: Cell[] = [];
  for (const workers of sizes) {
    if (freemem() > workers * WORKER_BYTES) cells.push({ workers, samples: [] });
    else report.note(`not measured with ${workers} workers: too little free memory`);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { workers, samples } of cells) {
      report.progress(`round ${round} of ${rounds}: ${workers} workers ...`);
      samples.push({
        allAtOnceMs: await timeBareStart(yardstick, workers, workers, brand),
        host: await runHost({ workers, command: PYTHON, args: ARGS, ...calls }, brand),
        fewAtATimeMs: await timeBareStart(yardstick, workers, FEW, brand),
      });
    }
  }
  if (cells.length > 0) reportCells(report, cells);
}

/** How long the same workers take to start without Node. */
async function timeBareStart(
  program: string,
  workers: number,
  atATime: number,
  brand: Brand,
): Promise<number> {
  const sdk = fileURLToPath(new URL('../../python/src', import.meta.url));
  const { PYTHONPATH } = process.env;
  const env = brand.environment({
    PYTHONPATH: PYTHONPATH ? `${sdk}${delimiter}${PYTHONPATH}` : sdk,
    PROCGUARD_PROTOCOL: '1',
  });
  const child = spawn(program, [String(workers), String(atATime), PYTHON, ...ARGS], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  return Number(await outputOf(child, `The C program with ${workers} workers`)) / 1e6;
}

async function runHost(plan: HostPlan, brand: Brand): Promise<HostFigures> {
  const host = startHost('scale/host', plan, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: brand.environment(),
    flags: ['--expose-gc'],
  });
  const figures: HostFigures = JSON.parse(
    await outputOf(host, `The host process of ${plan.workers} workers`),
  );
  brand.addHost(figures.traces);
  if (figures.survivors > 0) throw new Error(`The pool reported ${figures.survivors} survivors`);
  return figures;
}

async function outputOf(child: ChildProcess, what: string): Promise<string> {
  const all = Promise.all([text(child.stdout as NodeJS.ReadableStream), once(child, 'exit')]);
  const found = await within(LIMIT_MS, all);
  if (found === undefined) {
    child.kill('SIGKILL');
    throw new Error(`${what} did not end in time`);
  }
  const [output, [code, signal]] = found;
  if (code !== 0) throw new Error(`${what} ended with ${code ?? signal}`);
  return output;
}

function reportCells(report: Report, cells: Cell[]): void {
  const starts = cells.map(startRow);
  report.table(
    'start',
    `A pool of Python workers: from new Pool() to ready() in ms, and to the last hello of as many that a C program starts, all at once or ${FEW} at a time. The ratio is to the faster of the two`,
    [
      { key: 'workers', title: 'workers' },
      { key: 'rounds', title: 'rounds' },
      { key: 'allAtOnceMs', title: 'C, all at once' },
      { key: 'fewAtATimeMs', title: `C, ${FEW} at a time` },
      { key: 'readyMs', title: 'pool' },
      { key: 'ratio', title: 'ratio', digits: 2 },
      { key: 'closeMs', title: 'close()' },
    ],
    starts,
  );
  const hosts = cells.map(hostRow);
  report.table(
    'host',
    'The longest block of the event loop in all rounds, in ms, without and with the waits for a processor, and private memory in KB',
    [
      { key: 'workers', title: 'workers' },
      { key: 'startMs', title: 'block at start', digits: 1 },
      { key: 'startWaitsMs', title: 'with waits', digits: 1 },
      { key: 'callsMs', title: 'in calls', digits: 1 },
      { key: 'callsWaitsMs', title: 'with waits', digits: 1 },
      { key: 'closeMs', title: 'at close', digits: 1 },
      { key: 'closeWaitsMs', title: 'with waits', digits: 1 },
      { key: 'hostKb', title: 'host KB' },
      { key: 'keeperKb', title: 'keeper KB' },
      { key: 'kbPerWorker', title: 'both per worker' },
    ],
    hosts,
  );
  const calls = cells.flatMap((cell) => callRows(cell, cells[0] as Cell));
  report.table(
    'calls',
    'A call, in µs: CPU time of the host, and by the clock. The ratios are to the fewest workers',
    [
      { key: 'workers', title: 'workers' },
      { key: 'way', title: 'calls' },
      { key: 'hostUs', title: 'host CPU', digits: 1 },
      { key: 'hostRatio', title: 'ratio', digits: 2 },
      { key: 'wallUs', title: 'clock', digits: 1 },
      { key: 'wallRatio', title: 'ratio', digits: 2 },
    ],
    calls,
  );
  report.targets([...startTargets(starts), ...hostTargets(hosts), ...callTargets(calls)]);
}

function startRow({ workers, samples }: Cell): Row {
  return {
    workers,
    rounds: samples.length,
    allAtOnceMs: p50(samples.map(({ allAtOnceMs }) => allAtOnceMs)),
    fewAtATimeMs: p50(samples.map(({ fewAtATimeMs }) => fewAtATimeMs)),
    readyMs: p50(samples.map(({ host }) => host.readyMs)),
    ratio: p50(samples.map((one) => one.host.readyMs / Math.min(one.allAtOnceMs, one.fewAtATimeMs))),
    closeMs: p50(samples.map(({ host }) => host.closeMs)),
  };
}

function hostRow({ workers, samples }: Cell): Row {
  const most = (phase: keyof typeof PHASES, kind: keyof Blocks) =>
    Math.max(...samples.map(({ host }) => host.blocks[phase][kind]));
  const hostBytes = p50(samples.map(({ host }) => host.hostBytes));
  const keeperBytes = p50(samples.map(({ host }) => host.keeperBytes));
  return {
    workers,
    startMs: most('start', 'heldMs'),
    startWaitsMs: most('start', 'standstillMs'),
    callsMs: most('calls', 'heldMs'),
    callsWaitsMs: most('calls', 'standstillMs'),
    closeMs: most('close', 'heldMs'),
    closeWaitsMs: most('close', 'standstillMs'),
    hostKb: hostBytes / 1024,
    keeperKb: keeperBytes / 1024,
    kbPerWorker: (hostBytes + keeperBytes) / 1024 / workers,
  };
}

function callRows({ workers, samples }: Cell, fewest: Cell): Row[] {
  return (Object.keys(WAYS) as (keyof typeof WAYS)[]).map((way) => {
    const middle = (of: Sample[], time: 'hostUs' | 'wallUs') =>
      p50(of.map(({ host }) => host.calls[way][time]));
    const hostUs = middle(samples, 'hostUs');
    const wallUs = middle(samples, 'wallUs');
    return {
      workers,
      way: WAYS[way],
      hostUs,
      hostRatio: hostUs / middle(fewest.samples, 'hostUs'),
      wallUs,
      wallRatio: wallUs / middle(fewest.samples, 'wallUs'),
    };
  });
}

function startTargets(rows: Row[]): Target[] {
  return rows.slice(-1).map(({ workers, ratio }) => ({
    workers: workers as number,
    what: `${workers} workers: ready, pool over C`,
    measured: ratio as number,
    target: TARGETS.readyRatio,
  }));
}

/**
 * A block is what holds the loop up: JavaScript, the collector, a system call. That the host has to wait for a processor, while
 * more workers than there are processors want to run, is printed beside it; any other process would wait as long.
 */
function hostTargets(rows: Row[]): Target[] {
  return rows.flatMap((row): Target[] => {
    const { workers } = row;
    return [
      ...Object.entries(PHASES).map(([phase, when]) => ({
        workers: workers as number,
        what: `${workers} workers: longest block ${when}, ms`,
        measured: row[`${phase}Ms`] as number,
        target: TARGETS.blockedMs,
      })),
      {
        workers: workers as number,
        what: `${workers} workers: host and keeper, KB per worker`,
        measured: row.kbPerWorker as number,
        target: TARGETS.kbPerWorker,
      },
    ];
  });
}

/**
 * A call's cost is taken to be the host's CPU time: that is what the pool spends, and what grows when it searches. The time
 * by the clock is for the most part the workers': there, more of them share the same processors and caches.
 */
function callTargets(rows: Row[]): Target[] {
  const [first] = rows;
  return rows
    .filter(({ workers }) => workers !== first?.workers)
    .map(({ workers, way, hostRatio }) => ({
      workers: workers as number,
      what: `${workers} workers: host CPU per call ${way}, over ${first?.workers} workers`,
      measured: hostRatio as number,
      target: TARGETS.callRatio,
    }));
}
