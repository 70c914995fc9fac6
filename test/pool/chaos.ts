import { createHash } from 'node:crypto';
import { Pool, ProcguardError } from '../../lib/index.js';
import { fixture } from './pools.js';

export interface ChaosReport {
  calls: number;
  /** How often each outcome came; their sum is `calls`. */
  outcomes: Record<string, number>;
  /** Promises that settled more or less than once. */
  unsettled: number;
  wrongAnswers: number;
  workersKilled: number;
  restarts: number;
  durationMs: number;
}

/** Random numbers that a seed repeats. */
function randomOf(seed: string): () => number {
  let state = createHash('sha256').update(seed).digest();
  let at = 0;
  return () => {
    if (at + 4 > state.length) {
      state = createHash('sha256').update(state).digest();
      at = 0;
    }
    at += 4;
    return state.readUInt32LE(at - 4) / 2 ** 32;
  };
}

/** Makes `calls` calls while workers are killed, restarted and calls are cancelled, at random. */
export async function runChaos({ calls, seed }: { calls: number; seed: string }): Promise<ChaosReport> {
  const random = randomOf(seed);
  const startedMs = performance.now();
  const pool = new Pool({
    command: 'python3',
    args: [fixture('worker.py')],
    size: 4,
    concurrency: 8,
    maxQueue: 2000,
    onOutput: () => {},
  });
  await pool.ready();
  const outcomes: Record<string, number> = {};
  const settlements = new Uint8Array(calls);
  let wrongAnswers = 0;
  let workersKilled = 0;
  let restarts = 0;
  let restart: Promise<void> | undefined;
  const open = new Set<Promise<void>>();
  const count = (outcome: string) => {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };
  for (let n = 0; n < calls; n++) {
    const abort = random() < 0.05 ? new AbortController() : undefined;
    const idempotent = random() < 0.3;
    const options = {
      ...(abort === undefined ? {} : { signal: abort.signal }),
      ...(idempotent ? { idempotent, retries: 5 } : {}),
      ...(random() < 0.2 ? { affinity: `key ${Math.floor(random() * 10)}` } : {}),
      ...(random() < 0.02 ? { timeoutMs: 1 + Math.floor(random() * 20) } : {}),
    };
    const call = pool.call('echo', [n], options).then(
      (value) => {
        settlements[n]!++;
        if (value !== n) wrongAnswers++;
        count('answered');
      },
      (error) => {
        settlements[n]!++;
        count(error instanceof ProcguardError ? error.code : (error as Error).name);
      },
    );
    open.add(call);
    void call.then(() => open.delete(call));
    if (abort !== undefined) setTimeout(() => abort.abort(), random() * 5);
    if (random() < 0.001) {
      const pids = pool.stats().workers.flatMap(({ state, pid }) => (state === 'ready' && pid ? [pid] : []));
      const pid = pids[Math.floor(random() * pids.length)];
      if (pid !== undefined) {
        process.kill(pid, 'SIGKILL');
        workersKilled++;
      }
    }
    if (random() < 0.0002 && restart === undefined) {
      restarts++;
      restart = pool.restart().finally(() => {
        restart = undefined;
      });
    }
    if (open.size > 500) await Promise.race(open);
  }
  await Promise.all(open);
  await restart;
  const { succeeded, rejected, cancelled, inFlight, queued } = pool.stats();
  const { survivors } = await pool.close();
  if (succeeded + rejected + cancelled !== calls || inFlight !== 0 || queued !== 0 || survivors !== 0)
    throw new Error(
      `The counts don't add up: ${JSON.stringify({ succeeded, rejected, cancelled, inFlight, queued, survivors })}`,
    );
  return {
    calls,
    outcomes,
    unsettled: settlements.filter((times) => times !== 1).length,
    wrongAnswers,
    workersKilled,
    restarts,
    durationMs: performance.now() - startedMs,
  };
}
