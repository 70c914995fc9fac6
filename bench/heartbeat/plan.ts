import { freemem } from 'node:os';
import type { PoolOptions } from '../../lib/index.js';
import type { Report } from '../report.js';
import { PYTHON, programPath } from '../requests/child.js';

/** With heartbeats and without. */
export type Way = 'on' | 'off';

export const WAYS: Way[] = ['on', 'off'];
export const INTERVAL_MS = 1000;
export const LIMIT_MS = 300_000;
const WORKER_BYTES = 12 * 2 ** 20;

export const HEARTBEATS: Record<Way, Partial<PoolOptions>> = {
  on: { heartbeat: { intervalMs: INTERVAL_MS } },
  off: { heartbeat: { enabled: false } },
};

export const poolOf = (workers: number, more: Partial<PoolOptions>): PoolOptions => ({
  command: PYTHON,
  args: [programPath('worker.py')],
  size: workers,
  ...more,
});

export function isRoomFor(workers: number, report: Report): boolean {
  const isRoom = freemem() > workers * WORKER_BYTES;
  if (!isRoom) report.note(`not measured with ${workers} workers: too little free memory`);
  return isRoom;
}
