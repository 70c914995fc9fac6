import { nowMs } from '../clock.js';

// Two wakes a second take an idle host 0.03 % of a processor. `monitorEventLoopDelay` wakes it as well, and somebody would have to
// ask it besides. The timer of the heartbeats is not enough: with few workers it is due every five seconds.
const everyMs = 500;

const listeners = new Set<(ms: number) => void>();
let timer: NodeJS.Timeout | undefined;
let dueMs = 0;

/**
 * Says for how long the event loop of this thread stood still, at least: a stall that is longer by half a second than a listener's
 * threshold is never missed. One timer for all listeners, which keeps no process running. Returns what takes it back.
 */
export function watchLoopLag(listener: (ms: number) => void): () => void {
  const entry = (ms: number) => listener(ms);
  listeners.add(entry);
  if (timer === undefined) {
    dueMs = nowMs() + everyMs;
    timer = setInterval(wake, everyMs).unref();
  }
  return () => {
    listeners.delete(entry);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function wake(): void {
  const lateMs = nowMs() - dueMs;
  dueMs = nowMs() + everyMs;
  if (lateMs > 0) for (const listener of [...listeners]) listener(lateMs);
}
