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

/** What `promise` resolves to, or undefined when that takes longer than `ms`; the timer never outlives it. */
export async function answerWithin<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let answer: T | undefined;
  const answered = promise.then((value) => {
    answer = value;
  });
  await atMost(ms, answered);
  // After a stall of the loop the timer comes before the answer that waits to be read.
  if (answer === undefined) await new Promise(setImmediate);
  return answer;
}
