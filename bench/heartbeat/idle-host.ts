/** A host process of `npm run bench -- heartbeat`: a pool that is left idle for a while, and what that costs. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, type PoolOptions } from '../../lib/index.js';
import { type HostTraces, ownTraces } from '../host-traces.js';
import { privateBytes, settledBytes } from '../private-bytes.js';

export interface IdlePlan {
  pool: PoolOptions;
  settleMs: number;
  windowMs: number;
}

/** Shares of one core, and private memory. */
export interface IdleFigures {
  hostShare: number;
  /** The mean of all. */
  workerShare: number;
  /** That of the busiest. */
  mostShare: number;
  hostBytes: number;
  /** The mean of some. */
  workerBytes: number;
  traces: HostTraces;
}

// A look at a process's memory map takes a millisecond.
const WEIGHED = 50;

// stdin ends with the bench: a host whose bench died first ends too, and so do its workers.
process.stdin.resume().once('end', () => process.exit(1));

process.stdout.write(JSON.stringify(await main(JSON.parse(process.argv[2] as string))), () =>
  process.exit(0),
);

async function main({ pool: options, settleMs, windowMs }: IdlePlan): Promise<IdleFigures> {
  const bytesBefore = await settledBytes();
  const pool = new Pool(options);
  await pool.ready();
  await sleep(settleMs);
  const pids = pool.stats().workers.flatMap(({ pid }) => pid ?? []);

  const before = pids.map(cpuMs);
  const beganMs = performance.now();
  const host = process.cpuUsage();
  await sleep(windowMs);
  const { user, system } = process.cpuUsage(host);
  const elapsedMs = performance.now() - beganMs;
  // To read them all takes a while: what the last ones do meanwhile is less than a hundredth of it.
  const shares = pids.map((pid, index) => (cpuMs(pid) - (before[index] as number)) / elapsedMs);

  const weighed = pids.slice(0, WEIGHED).map(privateBytes);
  const hostBytes = (await settledBytes()) - bytesBefore;
  const { survivors } = await pool.close();
  if (survivors > 0) throw new Error(`The pool reported ${survivors} survivors`);
  return {
    hostShare: (user + system) / 1000 / elapsedMs,
    workerShare: mean(shares),
    mostShare: Math.max(...shares),
    hostBytes,
    workerBytes: mean(weighed),
    traces: ownTraces(),
  };
}

/** Of all threads; the clock that `stat` shows is too coarse. */
function cpuMs(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const threads = readdirSync(folder).map((thread) => readFileSync(`${folder}/${thread}/schedstat`, 'utf8'));
  return threads.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / 1e6;
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
