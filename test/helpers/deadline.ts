/** How long a test waits for something that must happen: far beyond the slowest machine, never waited out. */
export const DEADLINE_MS = 20_000;

/** Settles as `promise` does, or rejects after `ms` with an error that says what was waited for. */
export async function within<T>(
  promise: Promise<T>,
  what: string | (() => string),
  ms = DEADLINE_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    const expire = () => reject(new Error(`Waited ${ms} ms for ${typeof what === 'string' ? what : what()}`));
    timer = setTimeout(expire, ms);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks `question` again until its answer is not `undefined`: for what the system tells only when it is asked. */
export async function until<T>(
  question: () => T | undefined | Promise<T | undefined>,
  what: string,
): Promise<T> {
  const end = performance.now() + DEADLINE_MS;
  for (;;) {
    const answer = await question();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`Waited ${DEADLINE_MS} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
