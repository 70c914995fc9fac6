import type { WorkerRow } from '../messages.js';
import { bytes, count, duration, milliseconds, orNothing, percent } from './format.js';
import { hasJustDied, lookOf, shownVerdict } from './verdicts.js';

export interface Column {
  readonly name: string;
  readonly title: string;
  /** In words, when the title is short. */
  readonly hint?: string;
  readonly isNumber?: boolean;
  readonly text: (row: WorkerRow, nowMs: number) => string;
  /** What it is sorted by; the larger comes first when it is pressed. */
  readonly rank: (row: WorkerRow, nowMs: number) => number | string;
}

export const columns: readonly Column[] = [
  {
    name: 'slot',
    title: 'Slot',
    isNumber: true,
    text: ({ slot }) => String(slot),
    rank: ({ slot }) => -slot,
  },
  {
    name: 'verdict',
    title: 'Verdict',
    text: verdictText,
    rank: (row, nowMs) => -lookOf(shownVerdict(row, nowMs)).weight,
  },
  {
    name: 'pid',
    title: 'PID',
    isNumber: true,
    text: ({ pid }) => orNothing(pid),
    rank: ({ pid }) => pid ?? -1,
  },
  {
    name: 'age',
    title: 'Age',
    isNumber: true,
    text: (row, nowMs) => duration(ageOf(row, nowMs)),
    rank: (row, nowMs) => ageOf(row, nowMs) ?? -1,
  },
  {
    name: 'request',
    title: 'Current request',
    text: requestText,
    rank: ({ methodSinceMs }, nowMs) => (methodSinceMs === null ? -1 : nowMs - methodSinceMs),
  },
  {
    name: 'cpu',
    title: 'CPU',
    hint: 'Of the worker with its children; 100 % is one core',
    isNumber: true,
    text: ({ cpuShare }) => percent(cpuShare),
    rank: ({ cpuShare }) => cpuShare ?? -1,
  },
  {
    name: 'rss',
    title: 'RSS',
    hint: 'Resident memory of the worker with its children',
    isNumber: true,
    text: ({ rssBytes }) => bytes(rssBytes),
    rank: ({ rssBytes }) => rssBytes ?? -1,
  },
  {
    name: 'latency',
    title: 'Latency',
    hint: 'Mean of each second of the last minute',
    isNumber: true,
    text: ({ latencyMs }) => milliseconds(latencyMs),
    rank: ({ latencyMs }) => latencyMs ?? -1,
  },
  {
    name: 'requests',
    title: 'Served',
    hint: 'Requests that it was given',
    isNumber: true,
    text: ({ requests }) => count(requests),
    rank: ({ requests }) => requests,
  },
  {
    name: 'restarts',
    title: 'Restarts',
    hint: 'Workers that the slot has had before',
    isNumber: true,
    text: ({ restarts }) => count(restarts),
    rank: ({ restarts }) => restarts,
  },
  {
    name: 'guard',
    title: 'Guard',
    hint: 'full: the kernel and the keeper end it with the host. partial: one of them',
    text: ({ guardLevel }) => orNothing(guardLevel),
    rank: ({ guardLevel }) => ['full', 'partial', 'none'].indexOf(guardLevel ?? 'full'),
  },
];

function ageOf({ startedAtMs }: WorkerRow, nowMs: number): number | null {
  return startedAtMs === null ? null : nowMs - startedAtMs;
}

function verdictText(row: WorkerRow, nowMs: number): string {
  if (hasJustDied(row, nowMs)) return `dead (${row.endedHow})`;
  return row.isLeaving ? `${row.verdict}, leaving` : row.verdict;
}

function requestText({ method, methodSinceMs, inFlight }: WorkerRow, nowMs: number): string {
  if (method === null || methodSinceMs === null) return inFlight > 0 ? 'cancelled' : '';
  const more = inFlight > 1 ? ` +${inFlight - 1}` : '';
  return `${method}${more} · ${milliseconds(Math.max(0, nowMs - methodSinceMs))}`;
}
