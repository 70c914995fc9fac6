import { append, make, makeButton } from './dom.js';
import { notify } from './notice.js';
import { poolPath, post } from './server.js';
import { workerSeconds } from './store.js';
import { TimeChart } from './time-chart.js';

export interface DetailView {
  readonly element: HTMLElement;
  readonly badge: HTMLElement;
  readonly facts: ReadonlyMap<string, HTMLElement>;
  /** How the worker before ended, and why the last start failed. */
  readonly last: HTMLElement;
  readonly cpu: TimeChart;
  readonly rss: TimeChart;
  readonly latency: TimeChart;
  readonly sections: HTMLElement;
}

const chartHeight = 74;
const factNames = ['PID', 'Age', 'Served', 'Restarts', 'Ping', 'Processes'];

/** What is shown of one worker, still without values. */
export function buildDetail(pool: string, slot: number, hasActions: boolean, close: () => void): DetailView {
  const element = make('div', 'detail-inner');
  const title = make('h2', '', `Slot ${slot}`);
  title.append(make('span', 'quiet', ` of ${pool}`));
  const badge = make('span', 'badge');
  const closing = makeButton('Close', 'plain', close);
  closing.title = 'Escape';
  const facts = new Map<string, HTMLElement>();
  const list = make('dl', 'facts');
  for (const name of factNames) {
    const value = make('dd');
    facts.set(name, value);
    append(list, append(make('div'), make('dt', '', name), value));
  }
  const last = make('p', 'last-end');
  const chart = (title: string, color: string) =>
    new TimeChart(title, [{ label: title, color }], String, chartHeight, workerSeconds);
  const cpu = chart('CPU, cores', 'good');
  const rss = chart('RSS, MB', 'violet');
  const latency = chart('Latency, ms', 'active');
  const stacks = make('pre', 'stacks');
  stacks.hidden = true;
  stacks.tabIndex = 0;
  const sections = make('div', 'sections');
  append(element, append(make('header'), title, badge, make('span', 'gap'), closing), list, last);
  if (hasActions) {
    const dump = makeButton('Dump stacks', '', () => void dumpStacks(pool, slot, stacks));
    append(element, append(make('div', 'actions'), dump), stacks);
  }
  append(element, append(make('div', 'detail-charts'), cpu.element, rss.element, latency.element), sections);
  return { element, badge, facts, last, cpu, rss, latency, sections };
}

async function dumpStacks(pool: string, slot: number, place: HTMLElement): Promise<void> {
  try {
    const { stacks } = await post(poolPath(pool, `workers/${slot}/stacks`));
    place.textContent = String(stacks);
    place.hidden = false;
  } catch (error) {
    notify((error as Error).message);
  }
}
