import { nowMs } from '../clock.js';
import { AlertViews } from './alert-views.js';
import { exitId } from './describe-event.js';
import { changesBetween, type Look } from './diff.js';
import { EventLog } from './event-log.js';
import type { Delta, Snapshot, WorkerRow } from './messages.js';
import { PoolWatch } from './pool-watch.js';
import { Sampler } from './sampler.js';
import type { Ended } from './slot-memory.js';
import type { WatchedPool } from './source.js';

const lookMs = 500;
const looksPerSecond = 2;
// Events come in bunches.
const soonMs = 50;

/** Looks at the pools while somebody wants to know, and tells what has changed. */
export class Watch {
  readonly log: EventLog;
  readonly #pools: readonly PoolWatch[];
  readonly #alerts: AlertViews;
  readonly #sampler: Sampler;
  readonly #listeners = new Set<(delta: Delta) => void>();
  #look: Look = { pools: [], workers: new Map() };
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;

  constructor(pools: ReadonlyMap<string, WatchedPool>) {
    this.#pools = [...pools].map(
      ([name, pool], index) => new PoolWatch(pool, name, index, (slot, end) => this.#ended(name, slot, end)),
    );
    this.#alerts = new AlertViews([...pools.values()]);
    this.#sampler = new Sampler(this.#pools, ({ message }) => this.#notSampled(message));
    this.log = new EventLog(new Set(pools.keys()), () => this.#lookSoon());
  }

  get isRunning(): boolean {
    return this.#listeners.size > 0;
  }

  /** Tells each change from now on; the state so far is `snapshot()`. Returns a function that ends it. */
  subscribe(listener: (delta: Delta) => void): () => void {
    if (!this.isRunning) this.#start();
    this.#listeners.add(listener);
    return () => {
      if (this.#listeners.delete(listener) && !this.isRunning) this.#stop();
    };
  }

  /** As the listeners know it, or, without any, as it is now. */
  snapshot(): Snapshot {
    const atMs = nowMs();
    if (!this.isRunning) this.#look = this.#lookAtAll(atMs);
    return {
      nowMs: atMs,
      host: {
        pid: process.pid,
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
      },
      pools: this.#look.pools,
      workers: [...this.#look.workers.values()],
      log: this.log.entries,
      alerts: this.#alerts.all,
    };
  }

  /** The state with one sample of all workers. */
  async sampledSnapshot(): Promise<Snapshot> {
    if (!this.isRunning) {
      this.#lookAtAll(nowMs());
      await this.#sampler.sample();
    }
    return this.snapshot();
  }

  #start(): void {
    this.log.start(({ pool, worker, runMs }) => {
      // Without a worker it ended before it ran.
      if (worker === undefined) return;
      this.#pools.find(({ name }) => name === pool)?.latencies.add(worker, runMs);
    });
    this.#looks = 0;
    this.#look = this.#lookAtAll(nowMs());
    this.#alerts.takeNew();
    this.log.takeChanged();
    this.#timer = setInterval(() => this.#tell(true), lookMs);
    this.#tell(true);
  }

  #stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.log.stop();
  }

  #lookSoon(): void {
    if (!this.isRunning) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#tell(false);
    }, soonMs);
  }

  #tell(isRegular: boolean): void {
    const atMs = nowMs();
    if (isRegular && this.#looks++ % looksPerSecond === 0) {
      for (const pool of this.#pools) pool.countSecond(atMs);
      void this.#sampler.sample();
    }
    const look = this.#lookAtAll(atMs);
    const { pools, workers, gone } = changesBetween(this.#look, look);
    this.#look = look;
    const log = this.log.takeChanged();
    const alerts = this.#alerts.takeNew();
    const delta: Delta = {
      nowMs: atMs,
      ...(pools.length > 0 ? { pools } : {}),
      ...(workers.length > 0 ? { workers } : {}),
      ...(gone.length > 0 ? { gone } : {}),
      ...(log.length > 0 ? { log } : {}),
      ...(alerts.length > 0 ? { alerts } : {}),
    };
    for (const listener of [...this.#listeners]) listener(delta);
  }

  #lookAtAll(atMs: number): Look {
    const looks = this.#pools.map((pool) => pool.look(atMs));
    const workers = new Map<string, WorkerRow>();
    for (const { rows } of looks) for (const row of rows) workers.set(row.key, row);
    return { pools: looks.map(({ view }) => view), workers };
  }

  /** Also where the events of workers are turned off, or came too late. */
  #ended(pool: string, slot: number, { worker, pid, how, isBad }: Ended): void {
    const id = exitId(pool, worker);
    if (this.log.has(id)) return;
    const text = `Ended (${how}), pid ${pid ?? 'unknown'}`;
    this.log.add({ id, kind: 'worker exit', level: isBad ? 'critical' : 'info', pool, slot, text });
  }

  /** One entry, however often it happens. */
  #notSampled(text: string): void {
    const id = 'not sampled';
    if (!this.log.has(id))
      this.log.add({ id, kind: 'sample', level: 'warning', pool: null, slot: null, text });
  }
}
