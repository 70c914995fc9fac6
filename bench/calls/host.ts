/** A host process of `npm run bench -- heartbeat` and `-- telemetry`: a pool, and a block of calls to it for each line on stdin. */
import { createInterface } from 'node:readline';
import { type EventName, onEvent, Pool, type PoolOptions } from '../../lib/index.js';
import { type HostTraces, ownTraces } from '../host-traces.js';
import { quantile } from '../quantile.js';
import { Block } from '../requests/block.js';
import { type Contender, NAMES } from '../requests/contender.js';

export interface CallPlan {
  pool: PoolOptions;
  /** The events that it listens to. */
  listensTo?: readonly EventName[];
  /** Whether it has metrics for Prometheus, which are scraped once a second. */
  isScraped?: boolean;
}

/** The first line that it writes: its pool is ready. */
export interface Ready {
  traces: HostTraces;
}

/** A line that it reads. */
export interface BlockRequest {
  inFlight: number;
  blockMs: number;
  dropped: number;
}

/** Its answer. */
export interface BlockFigures {
  calls: number;
  callsPerS: number;
  p50Us: number;
  p99Us: number;
  /** Of this process. */
  cpuPerCallUs: number;
}

const { pool: options, listensTo = [], isScraped = false }: CallPlan = JSON.parse(process.argv[2] as string);
// As little as a listener can do: what more it does isn't the pool's.
const heard: Record<string, number> = {};
for (const name of listensTo) {
  heard[name] = 0;
  onEvent(name, () => {
    (heard[name] as number)++;
  });
}
const pool = new Pool(options);
if (isScraped) {
  const { createMetrics } = await import('../../lib/telemetry/prometheus/index.js');
  const { registry } = createMetrics({ pools: [pool] });
  setInterval(() => void registry.metrics(), 1000).unref();
}
const contender: Contender = {
  name: NAMES.pool,
  start: () => pool.ready(),
  echo: (value) => pool.call('echo', [value]),
  stop: async () => void (await pool.close()),
};

await contender.start();
tell({ traces: ownTraces() } satisfies Ready);
for await (const line of createInterface(process.stdin)) {
  const request: BlockRequest = JSON.parse(line);
  const before = process.cpuUsage();
  const { calls, elapsedMs } = await new Block('json', request).run(contender);
  const { user, system } = process.cpuUsage(before);
  tell({
    calls: calls.length,
    callsPerS: (calls.length / elapsedMs) * 1000,
    p50Us: quantile(calls, 0.5) * 1000,
    p99Us: quantile(calls, 0.99) * 1000,
    // Those that were dropped at the beginning took some, too.
    cpuPerCallUs: (user + system) / (calls.length + request.dropped),
  } satisfies BlockFigures);
}
await contender.stop();
process.exit(0);

function tell(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
