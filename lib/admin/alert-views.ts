import type { Alert } from '../alerts/alert.js';
import type { AlertView } from './messages.js';
import type { WatchedPool } from './source.js';

const maxEvidenceChars = 8000;

/** The alerts of some pools, each told once. */
export class AlertViews {
  readonly #ids = new WeakMap<Alert, string>();
  readonly #told = new Set<string>();
  #lastId = 0;

  constructor(private readonly pools: readonly WatchedPool[]) {}

  get all(): AlertView[] {
    return this.pools
      .flatMap((pool) => pool.alerts().map((alert) => this.#viewOf(alert)))
      .sort((one, other) => one.atMs - other.atMs);
  }

  /** Those that came since the last call. */
  takeNew(): AlertView[] {
    const all = this.all;
    const fresh = all.filter(({ id }) => !this.#told.has(id));
    this.#told.clear();
    for (const { id } of all) this.#told.add(id);
    return fresh;
  }

  #viewOf(alert: Alert): AlertView {
    let id = this.#ids.get(alert);
    if (id === undefined) {
      id = `${++this.#lastId}`;
      this.#ids.set(alert, id);
    }
    const { at, code, severity, pool, slot, message, advice, evidence, suppressed } = alert;
    return {
      id,
      atMs: at.getTime(),
      code,
      severity,
      pool,
      slot: slot ?? null,
      message,
      advice,
      evidence: textOf(evidence),
      suppressed,
    };
  }
}

function textOf(evidence: Alert['evidence']): string {
  const plain = (_: string, value: unknown) => {
    if (value instanceof Error) return value.message;
    return typeof value === 'bigint' ? String(value) : value;
  };
  try {
    return JSON.stringify(evidence, plain, 2).slice(0, maxEvidenceChars);
  } catch (error) {
    return `It can't be shown: ${(error as Error).message}`;
  }
}
