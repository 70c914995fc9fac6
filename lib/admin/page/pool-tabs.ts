import type { PoolView } from '../messages.js';
import { append, byId, make, makeButton, setAttribute, setData, setText } from './dom.js';
import { rate } from './format.js';

interface Tab {
  readonly button: HTMLButtonElement;
  readonly state: HTMLElement;
}

/** One tab for each pool; one pool is shown at a time. */
export class PoolTabs {
  selected = 0;
  readonly #tabs: Tab[] = [];

  constructor(private readonly changed: () => void) {
    byId('pools').addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step === undefined) return;
      const count = this.#tabs.length;
      this.#select((this.selected + step + count) % count);
      this.#tabs[this.selected]?.button.focus();
    });
  }

  show(pools: readonly PoolView[]): void {
    while (this.#tabs.length < pools.length) this.#add();
    pools.forEach((pool, index) => {
      const { button, state } = this.#tabs[index] as Tab;
      const isSelected = index === this.selected;
      setText(button.firstElementChild as HTMLElement, pool.name);
      const { ready, size, stage } = pool;
      setText(state, `${ready} of ${size} ready · ${stage === 'open' ? `${rate(pool.ratePerS)} /s` : stage}`);
      setData(button, 'color', ready === size ? 'good' : ready === 0 ? 'critical' : 'warning');
      setAttribute(button, 'aria-selected', String(isSelected));
      button.tabIndex = isSelected ? 0 : -1;
    });
  }

  #add(): void {
    const index = this.#tabs.length;
    const button = makeButton('', 'tab', () => this.#select(index));
    button.setAttribute('role', 'tab');
    button.setAttribute('aria-controls', 'pool');
    const state = make('span', 'tab-state');
    append(button, make('span', 'tab-name'), state);
    this.#tabs.push({ button, state });
    byId('pools').append(button);
  }

  #select(index: number): void {
    this.selected = index;
    this.changed();
  }
}
