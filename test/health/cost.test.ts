import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { nowMs } from '../../lib/clock.js';
import type { Pool } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { fixture, startPool } from '../pool/pools.js';
import { intervalMs } from './hangs.js';

const answers = 5;

/** What all threads of a process have used, in milliseconds of processor time. */
function processorMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const used = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'));
  return used.reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e6, 0);
}

const pidOf = (pool: Pool) => pool.stats().workers[0]!.pid!;

for (const [language, command, program] of [
  ['Python', 'python3', 'worker.py'],
  ['Node', process.execPath, 'node-worker.mjs'],
] as const) {
  test(`R2.3 heartbeats take less than 1 % of a processor from a ${language} worker`, async (t) => {
    const worker = { command, args: [fixture(program)] };
    // The shortest interval that there is.
    const { pool: watched } = startPool(t, { ...worker, heartbeat: { intervalMs } });
    // What a worker uses that nobody pings is not the heartbeats'.
    const { pool: unwatched } = startPool(t, { ...worker, heartbeat: { enabled: false } });
    for (const pool of [watched, unwatched]) await pool.call('pid');
    const pids = [pidOf(watched), pidOf(unwatched)] as const;
    const seen = new Set<number>();
    const see = (count: number) =>
      until(() => {
        const { pingMs } = watched.stats().workers[0]!;
        return pingMs !== undefined && seen.add(pingMs).size > count ? true : undefined;
      }, `${count} answers`);

    // Starting is over with the first.
    await see(0);
    const before = pids.map(processorMs);
    const sinceMs = nowMs();
    await see(answers);
    const windowMs = nowMs() - sinceMs;
    const [used, usedAnyway] = pids.map((pid, n) => processorMs(pid) - before[n]!) as [number, number];

    t.deepEqual([pidOf(watched), pidOf(unwatched)], [...pids]);
    t.true(used > 0, 'a ping that costs nothing was not answered');
    const share = (used - usedAnyway) / windowMs;
    t.log(
      `${(share * 100).toFixed(3)} %: ${used.toFixed(2)} ms for ${answers} answers, ${usedAnyway.toFixed(2)} ms without`,
    );
    t.true(share < 0.01, `${used} ms and ${usedAnyway} ms in ${windowMs} ms`);
  });
}
