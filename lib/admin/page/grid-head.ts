import { columns } from './columns.js';
import { byId, make, makeButton } from './dom.js';

export interface Order {
  readonly column: number;
  /** The largest first. */
  readonly isDown: boolean;
}

/** The titles, which are pressed to sort. */
export class GridHead {
  order: Order = { column: 0, isDown: true };
  readonly #cells: HTMLElement[];

  constructor(changed: () => void) {
    this.#cells = columns.map(({ name, title, hint, isNumber }, column) => {
      const cell = make('span', `cell ${name}${isNumber ? ' number' : ''}`);
      cell.setAttribute('role', 'columnheader');
      const button = makeButton(title, 'sort', () => {
        const isDown = this.order.column === column ? !this.order.isDown : true;
        this.order = { column, isDown };
        this.#mark();
        changed();
      });
      if (hint !== undefined) button.title = hint;
      cell.append(button);
      return cell;
    });
    byId('grid-head').append(...this.#cells);
    this.#mark();
  }

  #mark(): void {
    const { column, isDown } = this.order;
    this.#cells.forEach((cell, at) => {
      // Slots count up by default: their rank is negative.
      if (at !== column) cell.removeAttribute('aria-sort');
      else
        cell.setAttribute(
          'aria-sort',
          isDown === (columns[at]?.name !== 'slot') ? 'descending' : 'ascending',
        );
    });
  }
}
