import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { turns } from '../calls/call-host.js';
import { within } from '../deadline.js';
import { startHost } from '../host-process.js';
import { p50 } from '../quantile.js';
import type { Report, Row, Target } from '../report.js';
import type { Brand } from '../survivors.js';
import type { IdleFigures, IdlePlan } from './idle-host.js';
import { HEARTBEATS, INTERVAL_MS, isRoomFor, LIMIT_MS, poolOf, WAYS, type Way } from './plan.js';

export interface IdleLength {
  sizes: number[];
  rounds: number;
  settleMs: number;
  windowMs: number;
}

interface IdleCell {
  workers: number;
  samples: Record<Way, IdleFigures[]>;
}

const TARGETS = { hostPercent: 5, workerPercent: 0.1, flatness: 1.2 };

/** What heartbeats cost a host and workers that do nothing else. */
export async function measureIdle(
  { sizes, rounds, settleMs, windowMs }: IdleLength,
  brand: Brand,
  report: Report,
): Promise<IdleCell[]> {
  const cells = sizes.map((workers): IdleCell => ({ workers, samples: { on: [], off: [] } }));
  const fitting = cells.filter(({ workers }) => isRoomFor(workers, report));
  for (let round = 1; round <= rounds; round++) {
    for (const { workers, samples } of fitting) {
      for (const way of turns(round, WAYS)) {
        report.progress(`round ${round} of ${rounds}: ${workers} idle workers, heartbeats ${way} ...`);
        const pool = poolOf(workers, HEARTBEATS[way]);
        samples[way].push(await runIdleHost({ pool, settleMs, windowMs }, brand));
      }
    }
  }
  return fitting;
}

async function runIdleHost(plan: IdlePlan, brand: Brand): Promise<IdleFigures> {
  const host = startHost('heartbeat/idle-host', plan, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: brand.environment(),
    flags: ['--expose-gc'],
  });
  const ended = Promise.all([text(host.stdout as NodeJS.ReadableStream), once(host, 'exit')]);
  const found = await within(LIMIT_MS, ended);
  if (found === undefined) host.kill('SIGKILL');
  const [output, [code, signal]] = found ?? ['', ['no end', null]];
  if (code !== 0) throw new Error(`The host of ${plan.pool.size} idle workers: ${code ?? signal}`);
  const figures: IdleFigures = JSON.parse(output);
  brand.addHost(figures.traces);
  return figures;
}

export function reportIdle(report: Report, cells: IdleCell[]): Target[] {
  const rows = cells.map(idleRow);
  report.table(
    'idle',
    `Idle Python workers, pinged each ${INTERVAL_MS} ms, and not: CPU of the host and of a worker in % of one core; what heartbeats take of the host for each worker, in µs per beat; private memory, in KB`,
    [
      { key: 'workers', title: 'workers' },
      { key: 'rounds', title: 'rounds' },
      { key: 'hostOn', title: 'host %, on', digits: 3 },
      { key: 'hostOff', title: 'off', digits: 3 },
      { key: 'beatUs', title: 'µs per beat', digits: 1 },
      { key: 'workerOn', title: 'worker %, on', digits: 4 },
      { key: 'workerOff', title: 'off', digits: 4 },
      { key: 'mostOn', title: 'busiest, on', digits: 4 },
      { key: 'hostKbOn', title: 'host KB per worker, on', digits: 1 },
      { key: 'hostKbOff', title: 'off', digits: 1 },
      { key: 'workerKbOn', title: 'worker KB, on' },
      { key: 'workerKbOff', title: 'off' },
    ],
    rows,
  );
  const last = rows.at(-1);
  if (last === undefined) return [];
  const before = rows.at(-2);
  return [
    {
      what: `${last.workers} workers: host, % of one core`,
      measured: last.hostOn,
      target: TARGETS.hostPercent,
    },
    {
      what: `${last.workers} workers: each worker, % of one core`,
      measured: last.workerOn,
      target: TARGETS.workerPercent,
    },
    ...(before === undefined
      ? []
      : [
          {
            what: `host CPU per beat, ${last.workers} workers over ${before.workers}`,
            measured: last.beatUs / before.beatUs,
            target: TARGETS.flatness,
          },
          {
            what: `CPU of a worker, ${last.workers} workers over ${before.workers}`,
            measured: last.workerOn / before.workerOn,
            target: TARGETS.flatness,
          },
        ]),
  ];
}

function idleRow({ workers, samples }: IdleCell) {
  const middle = (way: Way, key: Exclude<keyof IdleFigures, 'traces'>) =>
    p50(samples[way].map((figures) => figures[key]));
  const hostOn = 100 * middle('on', 'hostShare');
  const hostOff = 100 * middle('off', 'hostShare');
  return {
    workers,
    rounds: samples.on.length,
    hostOn,
    hostOff,
    beatUs: (((hostOn - hostOff) / 100) * INTERVAL_MS * 1000) / workers,
    workerOn: 100 * middle('on', 'workerShare'),
    workerOff: 100 * middle('off', 'workerShare'),
    mostOn: 100 * middle('on', 'mostShare'),
    hostKbOn: middle('on', 'hostBytes') / 1024 / workers,
    hostKbOff: middle('off', 'hostBytes') / 1024 / workers,
    workerKbOn: middle('on', 'workerBytes') / 1024,
    workerKbOff: middle('off', 'workerBytes') / 1024,
  } satisfies Row;
}
