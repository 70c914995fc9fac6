import type { ServerResponse } from 'node:http';
import { nowMs } from '../clock.js';
import { guardOf } from '../guard/report.js';
import type { Live } from './live.js';
import type { WorkerDetail } from './messages.js';
import { processTreeOf } from './process-tree.js';
import type { WatchedPool } from './source.js';

const lookMs = 1000;
const maxShown = 50;
const maxLineChars = 2000;

/** What is shown of one worker while somebody looks at it. */
export async function detailOf(pool: WatchedPool, slot: number): Promise<WorkerDetail> {
  const view = pool.inspect(slot);
  const child = view?.child;
  const processes = child === undefined ? [] : await processTreeOf(child).catch(() => []);
  return {
    nowMs: nowMs(),
    slot,
    worker: view?.worker ?? null,
    pid: child?.pid ?? null,
    processes,
    guard: child === undefined ? null : guardOf(child),
    requests: (view?.requests ?? []).slice(0, maxShown).map(({ method, ageMs, leftMs }) => ({
      method: method.slice(0, maxLineChars),
      ageMs,
      leftMs: leftMs ?? null,
    })),
    handlers: (view?.handlers ?? []).slice(0, maxShown),
    stderr: (view?.stderr ?? []).map((line) => line.slice(0, maxLineChars)),
  };
}

/** Sends it at once and then every second, as long as that is allowed. */
export function showDetail(
  live: Live,
  response: ServerResponse,
  isAllowed: () => boolean,
  pool: WatchedPool,
  slot: number,
): void {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const stream = live.open(response, isAllowed, () => {
    isClosed = true;
    clearTimeout(timer);
  });
  const look = async () => {
    stream.send('detail', JSON.stringify(await detailOf(pool, slot)));
    if (!isClosed) timer = setTimeout(() => void look(), lookMs);
  };
  void look();
}
