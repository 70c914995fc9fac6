/** The host process of `npm run bench -- scale`: one pool from its start to its end, measured from inside. */
import { setTimeout as sleep } from 'node:timers/promises';
import { capabilities, Pool } from '../../lib/index.js';
import { type HostTraces, ownTraces } from '../host-traces.js';
import { privateBytes, settledBytes } from '../private-bytes.js';
import { type CallFigures, runCalls } from './calls.js';
import { type Blocks, LoopWatch } from './loop-watch.js';

export interface HostPlan {
  workers: number;
  command: string;
  args: string[];
  callers: number;
  /** Counted calls of each way to choose a worker, and those before them that are not counted. */
  calls: number;
  dropped: number;
}

export interface HostFigures {
  readyMs: number;
  closeMs: number;
  /** Of the event loop, in each phase. */
  blocks: { start: Blocks; calls: Blocks; close: Blocks };
  /** Private memory that came with the pool, in bytes. */
  hostBytes: number;
  /** All private memory of the keeper. */
  keeperBytes: number;
  calls: Record<'anyWorker' | 'byKey', CallFigures>;
  /** From the pool's own report. */
  survivors: number;
  traces: HostTraces;
}

const SETTLE_MS = 200;

// stdin ends with the bench: a host whose bench died first ends too, and so do its workers.
process.stdin.resume().once('end', () => process.exit(1));

process.stdout.write(JSON.stringify(await main(JSON.parse(process.argv[2] as string))), () =>
  process.exit(0),
);

async function main(plan: HostPlan): Promise<HostFigures> {
  const bytesBefore = await settledBytes();
  const loop = new LoopWatch();
  await sleep(SETTLE_MS);
  await loop.longest();
  const startMs = performance.now();
  const pool = new Pool({ command: plan.command, args: plan.args, size: plan.workers });
  await pool.ready();
  const readyMs = performance.now() - startMs;
  const start = await loop.longest();

  const hostBytes = (await settledBytes()) - bytesBefore;
  const keeperBytes = privateBytes(capabilities().keeper.pid);

  // The forced garbage collection is the bench's own block.
  await loop.longest();
  const calls = {
    anyWorker: await runCalls(pool, plan, () => ({})),
    byKey: await runCalls(pool, plan, (call) => ({ affinity: String(call % (4 * plan.workers)) })),
  };
  const inCalls = await loop.longest();

  const closeStartMs = performance.now();
  const { survivors } = await pool.close();
  const closeMs = performance.now() - closeStartMs;
  const close = await loop.longest();
  loop.stop();
  return {
    readyMs,
    closeMs,
    blocks: { start, calls: inCalls, close },
    hostBytes,
    keeperBytes,
    calls,
    survivors,
    traces: ownTraces(),
  };
}
