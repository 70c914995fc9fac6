import type { WorkerRow } from '../messages.js';

/** How a verdict looks: a sign, so that color isn't all that tells, and how much it matters. */
interface Look {
  readonly sign: string;
  readonly color: 'good' | 'active' | 'quiet' | 'warning' | 'critical';
  /** The worst first when sorted. */
  readonly weight: number;
}

const looks: Readonly<Record<string, Look>> = {
  dead: { sign: '✕', color: 'critical', weight: 0 },
  failed: { sign: '✕', color: 'critical', weight: 1 },
  unresponsive: { sign: '■', color: 'critical', weight: 2 },
  stalled: { sign: '▲', color: 'warning', weight: 3 },
  waiting: { sign: '◷', color: 'warning', weight: 4 },
  starting: { sign: '◌', color: 'quiet', weight: 5 },
  busy: { sign: '▶', color: 'active', weight: 6 },
  idle: { sign: '●', color: 'good', weight: 7 },
  closed: { sign: '○', color: 'quiet', weight: 8 },
};

export const verdictNames = Object.keys(looks);

export function lookOf(verdict: string): Look {
  return looks[verdict] ?? { sign: '?', color: 'quiet', weight: 9 };
}

// So long a worker that ended unasked is shown in its slot, beside its successor.
const mournMs = 10_000;

/** The slot's worker ended unasked a moment ago. */
export function hasJustDied({ endedBadly, endedAtMs }: WorkerRow, nowMs: number): boolean {
  return endedBadly && endedAtMs !== null && nowMs - endedAtMs < mournMs;
}

/** What the row says: `dead` for a while, though the next worker may have started. */
export function shownVerdict(row: WorkerRow, nowMs: number): string {
  return hasJustDied(row, nowMs) ? 'dead' : row.verdict;
}
