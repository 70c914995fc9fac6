import { performance } from 'node:perf_hooks';

/** Milliseconds on a clock that never goes back. */
export function nowMs(): number {
  return performance.now();
}

/** Resolves after `ms`, or as soon as `early` resolves; the timer never outlives the promise. */
export async function atMost(ms: number, early: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([early, late]);
  } finally {
    clearTimeout(timer);
  }
}
