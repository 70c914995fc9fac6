import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { BenchOptions } from './arguments.js';
import { SOURCES, withProgram } from './compile.js';
import { countUnguarded, type Deaths, type HostPlan, killOnce, type Mode } from './kill-once.js';
import { p50, p99 } from './quantile.js';
import type { Report, Row, Target } from './report.js';
import { Brand } from './survivors.js';

interface Cell {
  program: 'C' | 'Python';
  children: number;
  repeats: number;
}

const MODES: Mode[] = ['cgroup', 'mark'];
const FULL: Cell[] = [
  { program: 'C', children: 1, repeats: 100 },
  { program: 'C', children: 100, repeats: 100 },
  { program: 'C', children: 500, repeats: 20 },
  { program: 'Python', children: 20, repeats: 20 },
];
const QUICK: Cell[] = [
  { program: 'C', children: 1, repeats: 2 },
  { program: 'C', children: 10, repeats: 2 },
];
const CONTROL_CHILDREN = 10;
const TARGET = { children: 100, lastP99Ms: 100 };

/** How long after the host's SIGKILL is the last process dead? Returns true when nothing survived that must not. */
export async function benchKill(options: BenchOptions, report: Report): Promise<boolean> {
  const brand = new Brand();
  let controlHolds = false;
  let isClean: boolean;
  try {
    controlHolds = await withProgram('kill-child', (program) => run(program, options, brand, report));
  } finally {
    isClean = report.leftovers(await brand.endSurvivors());
  }
  return isClean && controlHolds;
}

async function run(program: string, options: BenchOptions, brand: Brand, report: Report): Promise<boolean> {
  const commands = { C: { command: program, args: [] }, Python: findPython() };
  const rows: Row[] = [];
  try {
    for (const cell of options.quick ? QUICK : FULL) {
      const command = commands[cell.program];
      if (command === undefined) {
        report.note('not measured with Python: there is no python3 on the PATH');
        continue;
      }
      report.progress(`killing hosts of ${cell.children} ${cell.program} children ...`);
      rows.push(
        ...(await measure(cell, { ...command, children: cell.children, guarded: true }, brand, report)),
      );
    }
  } finally {
    reportDeaths(report, rows);
  }
  return reportControl(report, { ...commands.C, children: CONTROL_CHILDREN, guarded: false }, brand);
}

/** The modes take turns, so that whatever else the machine does falls on both. */
async function measure(cell: Cell, plan: HostPlan, brand: Brand, report: Report): Promise<Row[]> {
  const found = new Map<Mode, Deaths[]>(MODES.map((mode) => [mode, []]));
  for (let repeat = 0; repeat < cell.repeats; repeat++) {
    for (const [mode, deaths] of found) {
      const death = await killOnce(plan, mode, brand);
      if (death === undefined) {
        report.note(
          `${cell.children} children, mode ${mode}: some were still alive long after their host's death`,
        );
        found.delete(mode);
      } else if (death.tree !== mode) {
        report.note(`not measured in mode ${mode}: the guard here is of mode ${death.tree}`);
        found.delete(mode);
      } else {
        deaths.push(death);
      }
    }
  }
  return [...found].map(([mode, deaths]) => deathsRow(cell, mode, deaths));
}

function deathsRow({ program, children }: Cell, mode: Mode, deaths: Deaths[]): Row {
  const host = deaths.map((death) => death.hostMs);
  const child = deaths.map((death) => death.childrenMs);
  const grandchild = deaths.map((death) => death.grandchildrenMs);
  const last = deaths.map((death) => Math.max(death.childrenMs, death.grandchildrenMs));
  return {
    children,
    program,
    mode,
    repeats: deaths.length,
    hostP50Ms: p50(host),
    childrenP50Ms: p50(child),
    childrenP99Ms: p99(child),
    grandchildrenP50Ms: p50(grandchild),
    grandchildrenP99Ms: p99(grandchild),
    lastP50Ms: p50(last),
    lastP99Ms: p99(last),
  };
}

function reportDeaths(report: Report, rows: Row[]): void {
  report.table(
    'deaths',
    'From the SIGKILL of the host to the last death, in ms. Each child has one grandchild in a session of its own.',
    [
      { key: 'children', title: 'children' },
      { key: 'program', title: 'program' },
      { key: 'mode', title: 'mode' },
      { key: 'repeats', title: 'kills' },
      { key: 'hostP50Ms', title: 'host p50', digits: 1 },
      { key: 'childrenP50Ms', title: 'children p50', digits: 1 },
      { key: 'childrenP99Ms', title: 'p99', digits: 1 },
      { key: 'grandchildrenP50Ms', title: 'grandchildren p50', digits: 1 },
      { key: 'grandchildrenP99Ms', title: 'p99', digits: 1 },
      { key: 'lastP50Ms', title: 'last p50', digits: 1 },
      { key: 'lastP99Ms', title: 'p99', digits: 1 },
    ],
    rows,
  );

  const targets = rows
    .filter((row) => row.program === 'C' && row.children === TARGET.children)
    .map(
      (row): Target => ({
        what: `${row.children} children and grandchildren gone, mode ${row.mode}, p99 in ms`,
        mode: row.mode,
        measured: row.lastP99Ms as number,
        target: TARGET.lastP99Ms,
      }),
    );
  if (targets.length > 0) report.targets(targets);
}

/** Without the guard all of them must outlive their host: else the times above prove nothing about it. */
async function reportControl(report: Report, plan: HostPlan, brand: Brand): Promise<boolean> {
  const [children, grandchildren] = await countUnguarded(plan, 'mark', brand);
  const holds = children === plan.children && grandchildren === plan.children;
  report.table(
    'control',
    'Control, with the guard off: who outlives the host (and is then told to end)',
    [
      { key: 'children', title: 'children' },
      { key: 'survivingChildren', title: 'still alive' },
      { key: 'survivingGrandchildren', title: 'grandchildren still alive' },
      { key: 'verdict', title: '' },
    ],
    [
      {
        children: plan.children,
        survivingChildren: children,
        survivingGrandchildren: grandchildren,
        verdict: holds ? 'as it must be' : 'WRONG: the figures above prove nothing',
      },
    ],
  );
  return holds;
}

function findPython(): { command: string; args: string[] } | undefined {
  const { status, stdout } = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  });
  return status === 0 ? { command: stdout.trim(), args: [join(SOURCES, 'kill-child.py')] } : undefined;
}
