import type { PoolView } from '../messages.js';
import { append, byId, make, setData, setText } from './dom.js';
import { count } from './format.js';

interface Figure {
  readonly title: string;
  readonly text: (pool: PoolView) => string;
  readonly color?: (pool: PoolView) => string;
}

const figures: readonly Figure[] = [
  {
    title: 'Ready',
    text: ({ ready, size }) => `${count(ready)} / ${count(size)}`,
    color: ({ ready, size }) => (ready === size ? 'good' : ready === 0 ? 'critical' : 'warning'),
  },
  { title: 'In flight', text: ({ inFlight }) => count(inFlight) },
  { title: 'Queued', text: ({ queued }) => count(queued) },
  { title: 'Succeeded', text: ({ succeeded }) => count(succeeded) },
  {
    title: 'Rejected',
    text: ({ rejected }) => count(rejected),
    color: ({ rejected }) => (rejected > 0 ? 'warning' : ''),
  },
  { title: 'Cancelled', text: ({ cancelled }) => count(cancelled) },
  {
    title: 'Failed slots',
    text: ({ failed }) => count(failed),
    color: ({ failed }) => (failed > 0 ? 'critical' : ''),
  },
  {
    title: 'Stage',
    text: ({ stage }) => stage,
    color: ({ stage }) => (stage === 'open' ? '' : 'warning'),
  },
];

/** The numbers of the pool that is shown. */
export class Figures {
  readonly #values = figures.map(({ title }) => {
    const value = make('dd');
    append(byId('figures'), append(make('div', 'figure'), make('dt', '', title), value));
    return value;
  });

  show(pool: PoolView): void {
    figures.forEach(({ text, color }, at) => {
      const value = this.#values[at] as HTMLElement;
      setText(value, text(pool));
      setData(value, 'color', color?.(pool) ?? '');
    });
  }
}
