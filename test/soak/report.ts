import type { Outcome } from './kill.js';
import { PHASES } from './plan.js';

const KINDS: [title: string, belongs: (outcome: Outcome) => boolean][] = [
  ['all', () => true],
  ...PHASES.map((phase): [string, (outcome: Outcome) => boolean] => [
    {
      starting: 'while the host starts',
      before: 'before spawns',
      during: 'during spawns',
      after: 'after spawns',
    }[phase],
    ({ plan }) => plan.phase === phase,
  ]),
  ['from the main thread', ({ plan }) => plan.thread === 'main'],
  ['from a Worker', ({ plan }) => plan.thread === 'worker'],
  ['tree by cgroup', ({ plan }) => plan.tree === 'cgroup'],
  ['tree by mark', ({ plan }) => plan.tree === 'mark'],
  ['keeper alive', ({ keeperKilled }) => !keeperKilled],
  ['keeper killed first', ({ keeperKilled }) => keeperKilled],
];

/** The figures of a soak, one row for each kind of kill. */
export function describeOutcomes(outcomes: readonly Outcome[]): string {
  const rows = KINDS.map(([title, belongs]) => describeKind(title, outcomes.filter(belongs)));
  const head = [
    'kills',
    'count',
    'processes',
    'children gone, p50',
    'p99',
    'slowest',
    'all gone, p50',
    'p99',
    'slowest',
    'left',
  ];
  return [head, ...rows].map(layOut).join('\n');
}

function describeKind(title: string, outcomes: readonly Outcome[]): string[] {
  const processes = outcomes.reduce((sum, outcome) => sum + outcome.processes, 0);
  const left = outcomes.filter(({ allGoneMs }) => allGoneMs === undefined).length;
  return [
    title,
    String(outcomes.length),
    String(processes),
    ...quantiles(outcomes.map(({ childrenGoneMs }) => childrenGoneMs)),
    ...quantiles(outcomes.map(({ allGoneMs }) => allGoneMs)),
    String(left),
  ];
}

function quantiles(times: (number | undefined)[]): string[] {
  const sorted = times.filter((time) => time !== undefined).sort((a, b) => a - b);
  if (sorted.length === 0) return ['-', '-', '-'];
  return [0.5, 0.99, 1].map((share) => {
    const time = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
    return `${time.toFixed(1)} ms`;
  });
}

function layOut(cells: string[]): string {
  const widths = [22, 6, 10, 19, 10, 10, 14, 10, 10, 5];
  return cells
    .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
    .join('');
}

/** What should not have been: one line for each kill that left something. */
export function describeFailures(outcomes: readonly Outcome[]): string[] {
  return outcomes.filter(hasFailed).map(({ plan, survivors }) => {
    return `kill ${JSON.stringify(plan)} left:\n  ${survivors.join('\n  ') || 'something that no longer shows'}`;
  });
}

/** A child that stayed, or a descendant whose keeper was alive. */
export function hasFailed({ childrenGoneMs, allGoneMs, keeperKilled }: Outcome): boolean {
  return childrenGoneMs === undefined || (allGoneMs === undefined && !keeperKilled);
}
