import type { WorkerRow } from '../messages.js';
import { columns } from './columns.js';
import { byId, setAttribute } from './dom.js';
import { GridHead } from './grid-head.js';
import type { Store } from './store.js';
import { RowElement } from './worker-row.js';

const rowHeight = 32;
const headHeight = 32;
// Rows beyond the edges, so that a scroll shows no gap before the next frame.
const margin = 4;

/** The table of workers. There are only as many rows in the page as can be seen. */
export class Grid {
  readonly #grid = byId('grid');
  readonly #body = byId('grid-rows');
  readonly #empty = byId('grid-empty');
  readonly #rows: RowElement[] = [];
  readonly #head = new GridHead(() => this.changed());
  #shown: WorkerRow[] = [];
  #active: string | undefined;
  #isDue = false;

  constructor(
    private readonly store: Store,
    private readonly changed: () => void,
    private readonly opened: (row: WorkerRow) => void,
  ) {
    // Only what comes into sight is drawn, and nothing is sorted: each frame of a scroll has to.
    this.#grid.addEventListener('scroll', () => this.#drawSoon(), { passive: true });
    this.#grid.addEventListener('keydown', (event) => this.#press(event));
    this.#grid.addEventListener('focus', () => {
      this.#active ??= this.#shown[0]?.key;
      changed();
    });
    this.#body.addEventListener('click', (event) => {
      const key = (event.target as Element).closest<HTMLElement>('.row')?.dataset.key;
      const row = key === undefined ? undefined : store.workers.get(key);
      if (row !== undefined) this.#open(row);
    });
    new ResizeObserver(() => changed()).observe(this.#grid);
  }

  set active(key: string | undefined) {
    this.#active = key;
  }

  show(rows: WorkerRow[]): void {
    this.#shown = this.#sort(rows, this.store.nowMs);
    this.#draw(true);
  }

  repaint(): void {
    for (const row of this.#rows) row.repaint();
  }

  #drawSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw(false);
    });
  }

  #draw(isNew: boolean): void {
    const rows = this.#shown;
    const { nowMs } = this.store;
    const { scrollTop, clientHeight } = this.#grid;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - margin);
    const last = Math.min(rows.length, Math.ceil((scrollTop + clientHeight) / rowHeight) + margin);
    const height = `${rows.length * rowHeight}px`;
    if (this.#body.style.height !== height) this.#body.style.height = height;
    setAttribute(this.#grid, 'aria-rowcount', String(rows.length + 1));
    this.#empty.hidden = rows.length > 0;
    while (this.#rows.length < last - first) this.#addRow();
    let activeId = '';
    // A worker keeps its element while it is in sight: place by place, in turn.
    const used = new Set<RowElement>();
    for (let index = first; index < last; index++) {
      const row = rows[index] as WorkerRow;
      const element = this.#rows[index % this.#rows.length] as RowElement;
      used.add(element);
      const isActive = row.key === this.#active;
      if (isActive) activeId = element.id;
      if (!isNew && element.isOf(row, index)) continue;
      const history = this.store.workerHistories.get(row.key);
      element.show(row, history, index, index * rowHeight, nowMs, isActive);
    }
    for (const element of this.#rows) if (!used.has(element)) element.hide();
    if (activeId === '') this.#grid.removeAttribute('aria-activedescendant');
    else setAttribute(this.#grid, 'aria-activedescendant', activeId);
  }

  #addRow(): void {
    const row = new RowElement(`row-${this.#rows.length}`);
    this.#rows.push(row);
    this.#body.append(row.element);
  }

  #sort(rows: WorkerRow[], nowMs: number): WorkerRow[] {
    const { column, isDown } = this.#head.order;
    const rank = columns[column]?.rank ?? (() => 0);
    const sign = isDown ? -1 : 1;
    return rows
      .map((row) => ({ row, by: rank(row, nowMs) }))
      .sort((one, other) => {
        if (one.by === other.by) return one.row.slot - other.row.slot;
        return one.by > other.by ? sign : -sign;
      })
      .map(({ row }) => row);
  }

  #open(row: WorkerRow): void {
    this.#active = row.key;
    this.opened(row);
    this.changed();
  }

  #press(event: KeyboardEvent): void {
    if (event.target !== this.#grid) return;
    const at = this.#shown.findIndex(({ key }) => key === this.#active);
    const page = Math.max(1, Math.floor((this.#grid.clientHeight - headHeight) / rowHeight) - 1);
    const last = this.#shown.length - 1;
    const targets: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target !== undefined) {
      const next = Math.max(0, Math.min(last, target));
      this.#active = this.#shown[next]?.key;
      this.#reveal(next);
    } else if (event.key === 'Enter' || event.key === ' ') {
      const row = this.#shown[at];
      if (row !== undefined) this.#open(row);
    } else return;
    event.preventDefault();
    this.changed();
  }

  #reveal(index: number): void {
    const top = index * rowHeight;
    const { scrollTop, clientHeight } = this.#grid;
    const room = clientHeight - headHeight - rowHeight;
    if (top < scrollTop) this.#grid.scrollTop = top;
    else if (top > scrollTop + room) this.#grid.scrollTop = top - room;
  }
}
