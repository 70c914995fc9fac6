import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ProcguardEvent, ProcguardEvents } from '../events/events.js';
import { describers } from './describe-event.js';
import type { LogEntry } from './messages.js';

const maxKept = 200;

/** The latest events of some pools, in words. */
export class EventLog {
  readonly #entries = new Map<string, LogEntry>();
  #changed: LogEntry[] = [];
  #stops: (() => void)[] = [];
  #lastId = 0;

  constructor(
    private readonly pools: ReadonlySet<string>,
    /** Something was added. */
    private readonly wake: () => void,
  ) {}

  get entries(): LogEntry[] {
    return [...this.#entries.values()];
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  add(entry: Omit<LogEntry, 'id' | 'atMs'> & { readonly id?: string; readonly atMs?: number }): void {
    const id = entry.id ?? `${++this.#lastId}`;
    const atMs = this.#entries.get(id)?.atMs ?? entry.atMs ?? Date.now();
    const added = { ...entry, id, atMs };
    this.#entries.set(id, added);
    this.#changed.push(added);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxKept) break;
      this.#entries.delete(oldest);
    }
    this.#changed = this.#changed.slice(-maxKept);
    this.wake();
  }

  /** Those added since the last call. */
  takeChanged(): LogEntry[] {
    const changed = this.#changed;
    this.#changed = [];
    return changed;
  }

  start(ended: (event: ProcguardEvents['procguard:request:end']) => void): void {
    for (const name of Object.keys(describers) as (keyof typeof describers)[]) {
      this.#listen(name, (event) => this.#take(name, event));
    }
    this.#listen('procguard:request:end', ended);
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #listen<Name extends keyof ProcguardEvents>(
    name: Name,
    take: (event: ProcguardEvents[Name]) => void,
  ): void {
    const listener = (message: unknown) => take(message as ProcguardEvents[Name]);
    subscribe(name, listener);
    this.#stops.push(() => unsubscribe(name, listener));
  }

  #take(name: keyof ProcguardEvents, event: unknown): void {
    const { at, pool, slot } = event as ProcguardEvent & { pool?: string; slot?: number };
    if (pool !== undefined && !this.pools.has(pool)) return;
    const described = describers[name]?.(event as never);
    if (described === undefined) return;
    const kind = name.replace('procguard:', '').replace(':', ' ');
    this.add({ kind, pool: pool ?? null, slot: slot ?? null, ...described, atMs: at.getTime() });
  }
}
