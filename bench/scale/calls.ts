import type { CallOptions, Pool } from '../../lib/index.js';

export interface CallPlan {
  callers: number;
  calls: number;
  dropped: number;
}

export interface CallFigures {
  /** CPU time of the host, all its threads, user and system. */
  hostUs: number;
  /** By the clock. */
  wallUs: number;
}

/** Each of the callers has one call under way. Throws if one is answered wrongly. Times are those of one call. */
export async function runCalls(
  pool: Pool,
  plan: CallPlan,
  optionsOf: (call: number) => CallOptions,
): Promise<CallFigures> {
  let begun = 0;
  const run = async (upTo: number) => {
    const caller = async () => {
      while (begun < upTo) {
        const call = begun++;
        const answer = await pool.call('echo', [call], optionsOf(call));
        if (answer !== call) throw new Error(`The echo of ${call} is ${String(answer)}`);
      }
    };
    await Promise.all(Array.from({ length: plan.callers }, caller));
  };
  await run(plan.dropped);
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await run(plan.dropped + plan.calls);
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  return { hostUs: (user + system) / plan.calls, wallUs: (wallMs * 1000) / plan.calls };
}
