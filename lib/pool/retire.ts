import { readFile } from 'node:fs/promises';
import { nowMs } from '../clock.js';
import type { Worker } from '../worker/worker.js';

/** When a worker should make room for another. */
export interface RetireLimits {
  readonly maxRequests: number;
  readonly maxAgeMs: number;
  readonly maxRssBytes: number;
}

/** Why this worker should make room for another; undefined: it should not. */
export function reasonToRetire({ maxRequests, maxAgeMs }: RetireLimits, worker: Worker): string | undefined {
  if (worker.requests >= maxRequests) return 'maxRequests';
  if (nowMs() - worker.startedAtMs >= maxAgeMs) return 'maxAgeMs';
  return undefined;
}

/** Resident memory; undefined where the system doesn't say. */
export async function rssBytes(pid: number): Promise<number | undefined> {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
