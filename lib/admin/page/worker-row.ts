import type { WorkerRow } from '../messages.js';
import { columns } from './columns.js';
import { append, make, setAttribute, setData, setText } from './dom.js';
import { Spark } from './spark.js';
import type { WorkerHistory } from './store.js';
import { lookOf, shownVerdict } from './verdicts.js';

const sparkWidth = 56;
const sparkHeight = 22;

/** One row of the page, for one worker after another as the table is scrolled. */
export class RowElement {
  readonly element = make('div', 'row');
  readonly #sign = make('span', 'sign');
  readonly #spark = new Spark(sparkWidth, sparkHeight);
  readonly #texts: HTMLElement[];
  #top = -1;
  #key = '';
  #index = -1;

  constructor(readonly id: string) {
    this.element.id = id;
    this.element.setAttribute('role', 'row');
    this.#sign.setAttribute('aria-hidden', 'true');
    this.#texts = columns.map(({ name, isNumber }) => {
      const cell = make('span', `cell ${name}${isNumber ? ' number' : ''}`);
      cell.setAttribute('role', 'gridcell');
      const text = make('span', 'text');
      if (name === 'verdict') append(cell, append(make('span', 'badge'), this.#sign, text));
      else if (name === 'latency') append(cell, this.#spark.element, text);
      else append(cell, text);
      this.element.append(cell);
      return text;
    });
  }

  /** It shows this worker in this place already. */
  isOf({ key }: WorkerRow, index: number): boolean {
    return this.#key === key && this.#index === index && !this.element.hidden;
  }

  show(
    row: WorkerRow,
    history: WorkerHistory | undefined,
    index: number,
    top: number,
    nowMs: number,
    isActive: boolean,
  ): void {
    if (this.#top !== top) {
      this.#top = top;
      this.element.style.transform = `translateY(${top}px)`;
    }
    this.#key = row.key;
    this.#index = index;
    const verdict = shownVerdict(row, nowMs);
    const { sign, color } = lookOf(verdict);
    setData(this.element, 'key', row.key);
    setData(this.element, 'verdict', verdict);
    setData(this.element, 'color', color);
    setData(this.element, 'guard', row.guardLevel ?? '');
    setAttribute(this.element, 'aria-rowindex', String(index + 2));
    setAttribute(this.element, 'aria-selected', String(isActive));
    setText(this.#sign, sign);
    columns.forEach((column, at) => {
      setText(this.#texts[at] as HTMLElement, column.text(row, nowMs));
    });
    this.#spark.show(history === undefined || history.latency.isEmpty ? [] : history.latency.values);
    this.element.hidden = false;
  }

  hide(): void {
    this.element.hidden = true;
  }

  repaint(): void {
    this.#spark.repaint();
  }
}
