import type { AlertView, LogEntry } from '../messages.js';
import { append, byId, make, setText } from './dom.js';
import { timeOfDay } from './format.js';
import type { Store } from './store.js';

const maxEvents = 60;
const maxAlerts = 30;

/** Alerts with what to do, and the latest events, newest first. */
export class News {
  readonly #alerts = new NewestFirst<AlertView>(byId('alerts'), maxAlerts, alertItem, 'No alerts.');
  readonly #events = new NewestFirst<LogEntry>(
    byId('events'),
    maxEvents,
    eventItem,
    'Nothing since this page was opened.',
  );

  show(store: Store): void {
    this.#alerts.show([...store.alerts.values()]);
    this.#events.show([...store.log.values()]);
    setText(byId('alerts-count'), store.alerts.size === 0 ? '' : String(store.alerts.size));
  }
}

class NewestFirst<Item extends { readonly id: string }> {
  readonly #elements = new Map<string, { item: Item; element: HTMLElement }>();
  readonly #empty: HTMLElement;

  constructor(
    private readonly list: HTMLElement,
    private readonly length: number,
    private readonly makeItem: (item: Item) => HTMLElement,
    empty: string,
  ) {
    this.#empty = make('li', 'empty', empty);
    list.append(this.#empty);
  }

  show(items: readonly Item[]): void {
    const latest = items.slice(-this.length);
    const kept = new Set(latest.map(({ id }) => id));
    for (const [id, { element }] of this.#elements) {
      if (kept.has(id)) continue;
      element.remove();
      this.#elements.delete(id);
    }
    for (const item of latest) {
      const known = this.#elements.get(item.id);
      if (known?.item === item) continue;
      const element = this.makeItem(item);
      if (known === undefined) this.list.prepend(element);
      else known.element.replaceWith(element);
      this.#elements.set(item.id, { item, element });
    }
    this.#empty.hidden = latest.length > 0;
  }
}

function eventItem({ atMs, level, kind, pool, slot, text }: LogEntry): HTMLElement {
  const item = make('li', 'event');
  item.dataset.level = level;
  const where = [pool, slot].filter((part) => part !== null).join(' / ');
  const head = append(make('span', 'event-head'), make('time', '', timeOfDay(atMs)));
  head.append(make('span', 'event-kind', kind), make('span', 'event-where', where));
  return append(item, head, make('span', 'event-text', text));
}

function alertItem({ atMs, code, severity, pool, slot, message, advice, evidence }: AlertView): HTMLElement {
  const item = make('li', 'alert');
  item.dataset.level = severity;
  const where = slot === null ? pool : `${pool} / ${slot}`;
  const head = append(make('span', 'event-head'), make('time', '', timeOfDay(atMs)));
  head.append(make('span', 'alert-severity', severity), make('span', 'event-where', where));
  const what = append(
    make('p', 'alert-message'),
    make('strong', '', code.replaceAll('_', ' ')),
    ` ${message}`,
  );
  const todo = append(make('p', 'alert-advice'), make('strong', '', 'What to do: '), advice);
  const more = append(make('details'), make('summary', '', 'Evidence'), make('pre', '', evidence));
  return append(item, head, what, todo, more);
}
