import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { BenchOptions } from './arguments.js';
import { within } from './deadline.js';
import { findCpu, startHost } from './host-process.js';
import type { Report, Row, Target } from './report.js';
import { NAMES, type Payload } from './requests/contender.js';
import type { Figures, HostFigures, HostPlan } from './requests/host.js';
import { Brand } from './survivors.js';

interface Length {
  /** Of blocks, in which the contenders take turns. */
  rounds: Record<Payload, number>;
  blockMs: number;
  manyInFlight: number;
}

const FULL: Length = { rounds: { json: 5, bytes: 3 }, blockMs: 150, manyInFlight: 64 };
const QUICK: Length = { rounds: { json: 1, bytes: 1 }, blockMs: 40, manyInFlight: 8 };
/** Calls at the start of each block that are not counted. */
const DROPPED: Record<Payload, number> = { json: 150, bytes: 5 };
const WORKERS = [1, 4];
const HOST_LIMIT_MS = 120_000;

const RIVALS: Record<Payload, string> = { json: NAMES.echo, bytes: NAMES.base64Echo };
const TITLES: Record<Payload, string> = { json: 'Small JSON', bytes: '1 MB of bytes' };

/** How long does a request take there and back, and how many go through? Returns true when nothing survived. */
export async function benchRequests(options: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  let isClean: boolean;
  try {
    await run(options, brand, report);
  } finally {
    isClean = report.leftovers(await brand.endSurvivors());
  }
  return isClean;
}

async function run(options: BenchOptions, brand: Brand, report: Report): Promise<void> {
  const { rounds, blockMs, manyInFlight } = options.quick ? QUICK : FULL;
  const targets: Target[] = [];
  for (const payload of ['json', 'bytes'] as const) {
    const blocks = [1, manyInFlight].map((inFlight) => ({ inFlight, blockMs, dropped: DROPPED[payload] }));
    for (const workers of WORKERS) {
      report.progress(`measuring ${TITLES[payload]} with ${countOf(workers)} ...`);
      const plan = { workers, payload, rounds: rounds[payload], blocks };
      const { figures, leftOut } = await runHost(plan, brand);
      reportFigures(report, workers, payload, figures);
      for (const { contender, why } of leftOut)
        report.note(`left out with ${countOf(workers)} and ${TITLES[payload]}: ${contender}: ${why}`);
      if (workers === 1)
        targets.push(...(payload === 'json' ? jsonTargets : bytesTargets)(figures, manyInFlight));
    }
  }
  const cpu = findCpu();
  if (cpu === undefined) report.note('not measured on one CPU: there is no taskset');
  else targets.push(...(await measureOnOneCpu(cpu, options, brand, report)));
  if (targets.length > 0) report.targets(targets);
}

/**
 * One call at a time keeps one process busy at a time. Whether the kernel then leaves both on one CPU, or wakes an idle one for
 * each half of the way, which takes three times as long, it decides for each pair of processes; with one CPU there is no choice.
 */
async function measureOnOneCpu(
  cpu: number,
  { quick }: BenchOptions,
  brand: Brand,
  report: Report,
): Promise<Target[]> {
  const { rounds, blockMs } = quick ? QUICK : FULL;
  report.progress('measuring one call at a time on one CPU ...');
  const blocks = [{ inFlight: 1, blockMs, dropped: DROPPED.json }];
  const plan: HostPlan = { workers: 1, payload: 'json', rounds: rounds.json, blocks };
  const { figures } = await runHost(plan, brand, cpu);
  reportFigures(report, 1, 'json', figures, 'Host and worker on one CPU. ');
  const measured = compare(figures, NAMES.echo, 1, ({ p50Ms }) => p50Ms);
  const what = `small JSON, 1 worker, sequential, on one CPU: p50, pool over ${NAMES.echo}`;
  return measured === undefined ? [] : [{ what, measured, target: 1.5 }];
}

const countOf = (workers: number) => (workers === 1 ? '1 worker' : `${workers} workers`);

async function runHost(plan: HostPlan, brand: Brand, cpu?: number): Promise<HostFigures> {
  const host = startHost('requests/host', plan, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: brand.environment(),
    cpu,
  });
  const exited = once(host, 'exit');
  const output = await within(
    HOST_LIMIT_MS,
    Promise.all([text(host.stdout as NodeJS.ReadableStream), exited]),
  );
  if (output === undefined) {
    host.kill('SIGKILL');
    throw new Error(`The host process with ${countOf(plan.workers)} did not end in time`);
  }
  const [json, [code, signal]] = output;
  if (code !== 0)
    throw new Error(`The host process with ${countOf(plan.workers)} ended with ${code ?? signal}`);
  const found: HostFigures = JSON.parse(json);
  brand.addHost(found.traces);
  return found;
}

function reportFigures(
  report: Report,
  workers: number,
  payload: Payload,
  figures: Figures[],
  where = '',
): void {
  const rows = figures.map((figure): Row => {
    const rival = find(figures, RIVALS[payload], figure.inFlight);
    return {
      payload,
      workers,
      ...figure,
      ratio: rival && figure.callsPerS / rival.callsPerS,
      p50Ratio: rival && figure.p50Ms / rival.p50Ms,
    };
  });
  report.table(
    'requests',
    `${where}${TITLES[payload]} to ${countOf(workers)} and back. The ratios are to the ${RIVALS[payload]}.`,
    [
      { key: 'contender', title: 'contender' },
      { key: 'inFlight', title: 'in flight' },
      { key: 'atMost', title: 'at most' },
      { key: 'calls', title: 'calls' },
      { key: 'callsPerS', title: 'calls/s' },
      { key: 'ratio', title: 'ratio', digits: 2 },
      { key: 'p50Ms', title: 'p50 ms', digits: 3 },
      { key: 'p50Ratio', title: 'ratio', digits: 2 },
      { key: 'p99Ms', title: 'p99 ms', digits: 3 },
    ],
    rows,
  );
}

function jsonTargets(figures: Figures[], manyInFlight: number): Target[] {
  const echo = RIVALS.json;
  const throughputs: [string, number][] = [
    [echo, 0.7],
    [NAMES.pythonShellRun, 5],
    [NAMES.pythonShell, 5],
    [NAMES.pythonia, 5],
    [NAMES.pythoniaText, 5],
  ];
  const sequential = compare(figures, echo, 1, ({ p50Ms }) => p50Ms);
  return [
    ...throughputs.flatMap(([rival, target]): Target[] => {
      const measured = compare(figures, rival, manyInFlight, ({ callsPerS }) => callsPerS);
      if (measured === undefined) return [];
      const what = `small JSON, 1 worker, ${manyInFlight} in flight: calls/s, pool over ${rival}`;
      return [{ what, measured, target, bound: 'at least' }];
    }),
    ...(sequential === undefined
      ? []
      : [
          {
            what: `small JSON, 1 worker, sequential: p50, pool over ${echo}`,
            measured: sequential,
            target: 1.5,
          },
        ]),
  ];
}

function bytesTargets(figures: Figures[], manyInFlight: number): Target[] {
  return [1, manyInFlight].flatMap((inFlight): Target[] => {
    const measured = compare(figures, RIVALS.bytes, inFlight, ({ callsPerS }) => callsPerS);
    if (measured === undefined) return [];
    const what = `1 MB of bytes, 1 worker, ${inFlight} in flight: calls/s, pool over ${RIVALS.bytes}`;
    return [{ what, measured, target: 5, bound: 'at least' }];
  });
}

/** The pool's figure over the rival's; undefined if one of them was left out. */
function compare(
  figures: Figures[],
  rival: string,
  inFlight: number,
  pick: (figure: Figures) => number,
): number | undefined {
  const ours = find(figures, NAMES.pool, inFlight);
  const theirs = find(figures, rival, inFlight);
  return ours && theirs && pick(ours) / pick(theirs);
}

function find(figures: Figures[], contender: string, inFlight: number): Figures | undefined {
  return figures.find((figure) => figure.contender === contender && figure.inFlight === inFlight);
}
