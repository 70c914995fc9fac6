import type { AlertView, Delta, LogEntry, PoolView, Snapshot, WorkerRow } from '../messages.js';
import { History } from './history.js';

export const poolSeconds = 120;
export const workerSeconds = 60;
const maxLog = 200;
const maxAlerts = 100;
const secondMs = 950;

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

export class PoolHistory {
  readonly rate = new History(poolSeconds);
  readonly queued = new History(poolSeconds);
  readonly inFlight = new History(poolSeconds);
  readonly p50 = new History(poolSeconds);
  readonly p95 = new History(poolSeconds);
  readonly cpu = new History(poolSeconds);
  readonly rss = new History(poolSeconds);
}

export class WorkerHistory {
  readonly latency = new History(workerSeconds);
  readonly cpu = new History(workerSeconds);
  readonly rss = new History(workerSeconds);
}

/** What the server has told. */
export class Store {
  host: Snapshot['host'] | undefined;
  pools: Writable<PoolView>[] = [];
  workers = new Map<string, Writable<WorkerRow>>();
  /** By id, oldest first. */
  readonly log = new Map<string, LogEntry>();
  readonly alerts = new Map<string, AlertView>();
  readonly poolHistories: PoolHistory[] = [];
  readonly workerHistories = new Map<string, WorkerHistory>();
  #nowMs = 0;
  #receivedMs = 0;
  #secondMs = 0;

  /** On the server's clock. */
  get nowMs(): number {
    return this.#nowMs + (performance.now() - this.#receivedMs);
  }

  rowsOf(pool: number): WorkerRow[] {
    return [...this.workers.values()].filter((row) => row.pool === pool);
  }

  replace(snapshot: Snapshot): void {
    this.#setNow(snapshot.nowMs);
    this.host = snapshot.host;
    this.pools = snapshot.pools.map((pool) => ({ ...pool }));
    this.workers = new Map(snapshot.workers.map((row) => [row.key, { ...row }]));
    this.log.clear();
    this.alerts.clear();
    this.#addNews(snapshot.log, snapshot.alerts);
    while (this.poolHistories.length < this.pools.length) this.poolHistories.push(new PoolHistory());
    this.#passSecond();
  }

  apply(delta: Delta): void {
    this.#setNow(delta.nowMs);
    for (const { index, ...changed } of delta.pools ?? []) {
      const pool = this.pools[index];
      if (pool !== undefined) Object.assign(pool, changed);
    }
    for (const changed of delta.workers ?? []) {
      const row = this.workers.get(changed.key);
      if (row === undefined) this.workers.set(changed.key, changed as WorkerRow);
      else Object.assign(row, changed);
      // Another worker has a history of its own.
      if (changed.worker !== undefined) this.workerHistories.delete(changed.key);
    }
    for (const key of delta.gone ?? []) {
      this.workers.delete(key);
      this.workerHistories.delete(key);
    }
    this.#addNews(delta.log ?? [], delta.alerts ?? []);
    this.#passSecond();
  }

  #setNow(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#receivedMs = performance.now();
  }

  #addNews(log: readonly LogEntry[], alerts: readonly AlertView[]): void {
    for (const entry of log) this.log.set(entry.id, entry);
    for (const alert of alerts) this.alerts.set(alert.id, alert);
    trim(this.log, maxLog);
    trim(this.alerts, maxAlerts);
  }

  #passSecond(): void {
    if (this.#nowMs - this.#secondMs < secondMs) return;
    this.#secondMs = this.#nowMs;
    const cpu = this.pools.map(() => 0);
    const rss = this.pools.map(() => 0);
    for (const row of this.workers.values()) {
      cpu[row.pool] = (cpu[row.pool] ?? 0) + (row.cpuShare ?? 0);
      rss[row.pool] = (rss[row.pool] ?? 0) + (row.rssBytes ?? 0);
      this.#keepWorker(row);
    }
    this.pools.forEach((pool, index) => {
      const history = this.poolHistories[index] as PoolHistory;
      history.rate.push(pool.ratePerS);
      history.queued.push(pool.queued);
      history.inFlight.push(pool.inFlight);
      history.p50.push(pool.p50Ms);
      history.p95.push(pool.p95Ms);
      history.cpu.push(cpu[index] ?? 0);
      history.rss.push(rss[index] ?? 0);
    });
  }

  #keepWorker(row: WorkerRow): void {
    let history = this.workerHistories.get(row.key);
    if (history === undefined) {
      history = new WorkerHistory();
      this.workerHistories.set(row.key, history);
    }
    history.latency.push(row.latencyMs);
    history.cpu.push(row.cpuShare);
    history.rss.push(row.rssBytes);
  }
}

function trim(map: Map<string, unknown>, length: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= length) return;
    map.delete(oldest);
  }
}
