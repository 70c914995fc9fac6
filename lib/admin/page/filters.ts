import type { WorkerRow } from '../messages.js';
import { append, byId, make, makeButton, setAttribute, setText } from './dom.js';
import { lookOf, shownVerdict, verdictNames } from './verdicts.js';

/** Which workers are shown: those of some verdicts, and those that a text is found in. */
export class Filters {
  readonly #wanted = new Set<string>();
  readonly #search = byId<HTMLInputElement>('search');
  readonly #chips = new Map<string, { chip: HTMLButtonElement; count: HTMLElement }>();

  constructor(changed: () => void) {
    this.#search.addEventListener('input', changed);
    for (const verdict of verdictNames) {
      const chip = makeButton('', 'chip', () => {
        if (!this.#wanted.delete(verdict)) this.#wanted.add(verdict);
        changed();
      });
      const { sign, color } = lookOf(verdict);
      chip.dataset.color = color;
      const count = make('span', 'chip-count');
      const shape = make('span', 'sign', sign);
      shape.setAttribute('aria-hidden', 'true');
      append(chip, shape, `${verdict} `, count);
      this.#chips.set(verdict, { chip, count });
      byId('filters').append(chip);
    }
  }

  /** Returns those that fit. */
  show(rows: WorkerRow[], nowMs: number): WorkerRow[] {
    const counts = new Map<string, number>();
    for (const row of rows) {
      const verdict = shownVerdict(row, nowMs);
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    }
    for (const [verdict, { chip, count }] of this.#chips) {
      const number = counts.get(verdict) ?? 0;
      const isPressed = this.#wanted.has(verdict);
      chip.hidden = number === 0 && !isPressed;
      setText(count, String(number));
      setAttribute(chip, 'aria-pressed', String(isPressed));
    }
    const text = this.#search.value.trim().toLowerCase();
    if (text === '' && this.#wanted.size === 0) return rows;
    return rows.filter(
      (row) =>
        (this.#wanted.size === 0 || this.#wanted.has(shownVerdict(row, nowMs))) &&
        (text === '' ||
          String(row.slot) === text ||
          String(row.pid ?? '').startsWith(text) ||
          row.method?.toLowerCase().includes(text)),
    );
  }
}
