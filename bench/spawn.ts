import { once } from 'node:events';
import { freemem } from 'node:os';
import { text } from 'node:stream/consumers';
import type { BenchOptions } from './arguments.js';
import { withProgram } from './compile.js';
import { startHost } from './host-process.js';
import type { HostTraces } from './host-traces.js';
import { PAGES, type PageTimes } from './pages.js';
import { p50, p99 } from './quantile.js';
import type { Report, Row } from './report.js';
import { Brand } from './survivors.js';

/** What a host process is told. Each block starts with `dropped` calls that are not counted. */
export interface HostPlan {
  hostMb: number;
  yardstick: string;
  rounds: number;
  dropped: number;
  /** Counted calls in each block. Node's own calls are the slow ones, so they have a number of their own. */
  calls: number;
  nodeCalls: number;
  /** Calls in each block that are followed by the timed piece of JavaScript. */
  afterCalls: number;
}

export interface JsSamples {
  blocked: number[];
  /** The addon's part of it; means nothing for Node's own spawn. */
  native: number[];
  exit: number[];
  undisturbed: PageTimes[];
  after: PageTimes[];
}

export interface CSamples {
  bare: number[];
  withPipes: number[];
  exit: number[];
}

/**
 * The same again with host and C on one CPU. The kernel places the child of a busy caller, as a host is, on another,
 * idle CPU, and that of one that only spawns on the caller's own. The wake-ups between CPUs take as long as all else.
 */
export interface OneCpuSamples {
  native: number[];
  c: CSamples;
}

/** All times in nanoseconds. */
export interface HostSamples {
  node: JsSamples;
  procguard: JsSamples;
  c: CSamples;
  onOneCpu: OneCpuSamples;
  traces: HostTraces;
  rssMb: number;
  ballastMb: number;
}

interface Size {
  hostMb: number;
  /** The most that procguard's p50 blocking time may be, as a share of Node's. */
  targetRatio: number;
  nodeCalls: number;
}

const SIZES: Size[] = [
  { hostMb: 50, targetRatio: 0.15, nodeCalls: 25 },
  { hostMb: 512, targetRatio: 0.045, nodeCalls: 25 },
  { hostMb: 2048, targetRatio: 0.025, nodeCalls: 10 },
];
const FULL = { rounds: 24, dropped: 5, calls: 25, afterCalls: 4 };
const QUICK = { rounds: 2, dropped: 1, calls: 4, nodeCalls: 4, afterCalls: 1 };
const TARGET_NATIVE_RATIO = 1.5;

/** How long does a spawn block the event loop, and when is the child's exit seen? Returns true when nothing survived. */
export async function benchSpawn(options: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  let isClean: boolean;
  try {
    await withProgram('posix-spawn', (yardstick) => run(yardstick, options, brand, report));
  } finally {
    isClean = report.leftovers(await brand.endSurvivors());
  }
  return isClean;
}

async function run(yardstick: string, options: BenchOptions, brand: Brand, report: Report): Promise<void> {
  for (const { hostMb, targetRatio, nodeCalls } of options.quick ? SIZES.slice(0, 1) : SIZES) {
    if (freemem() < hostMb * 2 ** 20 * 1.5) {
      report.note(`not measured at ${hostMb} MB: too little free memory`);
      continue;
    }
    report.progress(`measuring at ${hostMb} MB ...`);
    const plan = { ...FULL, nodeCalls, ...(options.quick && QUICK), hostMb, yardstick };
    reportSize(report, hostMb, targetRatio, await runHost(plan, brand));
  }
}

async function runHost(plan: HostPlan, brand: Brand): Promise<HostSamples> {
  const host = startHost('spawn-host', plan, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: brand.environment(),
  });
  const exited = once(host, 'exit');
  const output = await text(host.stdout as NodeJS.ReadableStream);
  const [code, signal] = await exited;
  if (code !== 0) throw new Error(`The host process at ${plan.hostMb} MB ended with ${code ?? signal}`);
  const samples: HostSamples = JSON.parse(output);
  brand.addHost(samples.traces);
  return samples;
}

function reportSize(report: Report, hostMb: number, targetRatio: number, samples: HostSamples): void {
  const { node, procguard, c, onOneCpu } = samples;

  report.table(
    'times',
    `Host with ${samples.ballastMb} MB of Buffers (${samples.rssMb.toFixed(0)} MB resident): /bin/true with three pipes`,
    [
      { key: 'method', title: 'ms' },
      { key: 'calls', title: 'calls' },
      { key: 'blockedP50Ms', title: 'blocked p50', digits: 3 },
      { key: 'blockedP99Ms', title: 'p99', digits: 3 },
      { key: 'exitP50Ms', title: 'to exit p50', digits: 3 },
      { key: 'exitP99Ms', title: 'p99', digits: 3 },
    ],
    [
      timesRow(hostMb, 'child_process.spawn', node.blocked, node.exit),
      timesRow(hostMb, 'procguard.spawn', procguard.blocked, procguard.exit),
      timesRow(hostMb, 'procguard, native part alone', procguard.native),
      timesRow(hostMb, 'C posix_spawn and three socket pairs', c.withPipes, c.exit),
      timesRow(hostMb, 'C posix_spawn alone', c.bare),
      timesRow(hostMb, 'on one CPU: procguard, native part alone', onOneCpu.native),
      timesRow(
        hostMb,
        'on one CPU: C posix_spawn and three socket pairs',
        onOneCpu.c.withPipes,
        onOneCpu.c.exit,
      ),
      timesRow(hostMb, 'on one CPU: C posix_spawn alone', onOneCpu.c.bare),
    ],
  );

  report.table(
    'after',
    `A fixed piece of JavaScript, timed right after the spawn: one write to each of ${PAGES} pages`,
    [
      { key: 'method', title: 'ms' },
      { key: 'memory', title: 'pages of' },
      { key: 'calls', title: 'calls' },
      { key: 'undisturbedP50Ms', title: 'undisturbed p50', digits: 3 },
      { key: 'afterP50Ms', title: 'after p50', digits: 3 },
      { key: 'afterP99Ms', title: 'p99', digits: 3 },
    ],
    [
      afterRow(hostMb, 'child_process.spawn', 'buffers', node),
      afterRow(hostMb, 'procguard.spawn', 'buffers', procguard),
      afterRow(hostMb, 'child_process.spawn', 'heap', node),
      afterRow(hostMb, 'procguard.spawn', 'heap', procguard),
    ],
  );

  report.targets([
    {
      hostMb,
      what: 'blocking time, procguard over Node, p50',
      measured: p50(procguard.blocked) / p50(node.blocked),
      target: targetRatio,
    },
    {
      hostMb,
      what: 'native part over C posix_spawn and three socket pairs, p50',
      measured: p50(procguard.native) / p50(c.withPipes),
      target: TARGET_NATIVE_RATIO,
    },
    {
      hostMb,
      what: 'the same, both on one CPU',
      measured: p50(onOneCpu.native) / p50(onOneCpu.c.withPipes),
      target: TARGET_NATIVE_RATIO,
    },
  ]);
}

function timesRow(hostMb: number, method: string, blocked: number[], exit?: number[]): Row {
  return {
    hostMb,
    method,
    calls: blocked.length,
    blockedP50Ms: p50(blocked) / 1e6,
    blockedP99Ms: p99(blocked) / 1e6,
    exitP50Ms: exit && p50(exit) / 1e6,
    exitP99Ms: exit && p99(exit) / 1e6,
  };
}

function afterRow(hostMb: number, method: string, memory: keyof PageTimes, samples: JsSamples): Row {
  const undisturbed = samples.undisturbed.map((times) => times[memory]);
  const after = samples.after.map((times) => times[memory]);
  return {
    hostMb,
    method,
    memory,
    calls: after.length,
    undisturbedP50Ms: p50(undisturbed) / 1e6,
    afterP50Ms: p50(after) / 1e6,
    afterP99Ms: p99(after) / 1e6,
  };
}
