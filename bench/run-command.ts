import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BenchOptions } from './arguments.js';
import { p50, p99 } from './quantile.js';
import type { Report, Row } from './report.js';
import { Brand } from './survivors.js';

const BIN = fileURLToPath(new URL('../../bin/procguard.cjs', import.meta.url));
const SHORT_BIN = fileURLToPath(new URL('../../bin/procguard-run', import.meta.url));
const RUN = [process.execPath, BIN, 'run', '--'];
const COMMAND = ['/bin/true'];
const CONTENDERS = {
  'the command alone': COMMAND,
  'node, with an empty script': [process.execPath, '-e', ''],
  'procguard run': [...RUN, ...COMMAND],
  'procguard-run': [SHORT_BIN, '--', ...COMMAND],
};
const TARGET_ADDED_MS = 60;
const TARGET_PRIVATE_KB = 1024;

/** What `procguard run` adds to the start of a command, and what stays in memory. True: nothing was left. */
export async function benchRun(options: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  const repeats = options.quick ? 3 : 100;
  let isClean: boolean;
  try {
    report.progress(`starting each of ${Object.keys(CONTENDERS).length} commands ${repeats} times ...`);
    const times = measureStarts(repeats, brand);
    const memory = await measureMemory(brand);
    reportAll(report, times, memory);
  } finally {
    isClean = report.leftovers(await brand.endSurvivors());
  }
  return isClean;
}

/** They take turns, so that whatever else the machine does falls on all. */
function measureStarts(repeats: number, brand: Brand): Map<string, number[]> {
  const times = new Map<string, number[]>(Object.keys(CONTENDERS).map((name) => [name, []]));
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [name, [file, ...args]] of Object.entries(CONTENDERS)) {
      const startedAt = performance.now();
      const { status } = spawnSync(file as string, args, { stdio: 'ignore', env: brand.environment() });
      times.get(name)?.push(performance.now() - startedAt);
      if (status !== 0) throw new Error(`${name} ended with ${status}`);
    }
  }
  return times;
}

interface Memory {
  runKb: number;
  keeperKb: number;
}

async function measureMemory(brand: Brand): Promise<Memory> {
  const [file, ...args] = [...RUN, 'sh', '-c', 'echo ready; read line'];
  const child = spawn(file as string, args, { stdio: ['pipe', 'pipe', 'inherit'], env: brand.environment() });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  const pid = child.pid as number;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  const keeper = children.find((child) =>
    readFileSync(`/proc/${child}/comm`, 'utf8').startsWith('procguard'),
  );
  const memory = { runKb: privateKb(pid), keeperKb: privateKb(keeper as number) };
  child.stdin.end('\n');
  await ended;
  return memory;
}

/** Clean pages too: while nothing else uses the same library, they are this process's cost. */
function privateKb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce(
    (sum, [, kb]) => sum + Number(kb),
    0,
  );
}

function reportAll(report: Report, times: Map<string, number[]>, { runKb, keeperKb }: Memory): void {
  const rows: Row[] = [...times].map(([contender, samples]) => ({
    contender,
    starts: samples.length,
    p50Ms: p50(samples),
    p99Ms: p99(samples),
  }));
  report.table(
    'starts',
    'From the spawn to the exit of a command that does nothing, in ms',
    [
      { key: 'contender', title: 'started' },
      { key: 'starts', title: 'starts' },
      { key: 'p50Ms', title: 'p50', digits: 1 },
      { key: 'p99Ms', title: 'p99', digits: 1 },
    ],
    rows,
  );
  report.table(
    'memory',
    'Private memory while the command runs, in KB',
    [
      { key: 'runKb', title: 'procguard run' },
      { key: 'keeperKb', title: 'its keeper' },
    ],
    [{ runKb, keeperKb }],
  );
  const [alone, , guarded, short] = rows as [Row, Row, Row, Row];
  const addedBy = (row: Row) => (row.p50Ms as number) - (alone.p50Ms as number);
  report.targets([
    { what: 'added by procguard run, p50 in ms', measured: addedBy(guarded), target: TARGET_ADDED_MS },
    { what: 'added by procguard-run, p50 in ms', measured: addedBy(short), target: TARGET_ADDED_MS },
    { what: 'private memory of what stays, in KB', measured: runKb + keeperKb, target: TARGET_PRIVATE_KB },
  ]);
}
