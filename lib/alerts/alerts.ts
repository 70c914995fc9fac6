import { nowMs } from '../clock.js';
import { type Alert, type AlertCode, kinds } from './alert.js';

const repeatMs = 60_000;
const maxKept = 100;

interface Last {
  atMs: number;
  suppressed: number;
  readonly rank: number;
}

/** Of one pool: keeps the latest, publishes them, and leaves out what was said a moment ago. */
export class Alerts {
  #recent: Alert[] = [];
  /** By code and slot. */
  readonly #last = new Map<string, Last>();

  constructor(
    private readonly pool: string,
    private readonly publish: (alert: Alert) => void,
    private readonly clock: () => number = nowMs,
  ) {}

  /** The latest, oldest first. */
  get recent(): readonly Alert[] {
    return [...this.#recent];
  }

  /** One of a higher `rank` than the last is told though that was a moment ago. */
  raise(
    code: AlertCode,
    slot: number | undefined,
    message: string,
    evidence: Alert['evidence'],
    rank = 0,
  ): void {
    const key = `${code} ${slot}`;
    const last = this.#last.get(key);
    const atMs = this.clock();
    if (last !== undefined && atMs - last.atMs < repeatMs && rank <= last.rank) {
      last.suppressed++;
      return;
    }
    this.#last.set(key, { atMs, suppressed: 0, rank });
    const { severity, advice } = kinds[code];
    const suppressed = last?.suppressed ?? 0;
    const alert = {
      code,
      severity,
      at: new Date(),
      pool: this.pool,
      slot,
      message,
      advice,
      evidence,
      suppressed,
    };
    this.#recent = [...this.#recent, alert].slice(-maxKept);
    this.publish(alert);
  }
}
