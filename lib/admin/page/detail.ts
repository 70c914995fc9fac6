import type { Session, WorkerDetail, WorkerRow } from '../messages.js';
import { guardSection, processSection, requestSection, stderrSection } from './detail-sections.js';
import { buildDetail, type DetailView } from './detail-view.js';
import { byId, setData, setText } from './dom.js';
import { bytes, count, duration, milliseconds, orNothing, percent } from './format.js';
import { poolPath } from './server.js';
import type { Store } from './store.js';
import type { TimeChart } from './time-chart.js';
import { lookOf, shownVerdict } from './verdicts.js';

/** The worker of one slot, looked into, in the place of alerts and events. */
export class Detail {
  readonly #place = byId('detail');
  #key: string | undefined;
  #source: EventSource | undefined;
  #view: DetailView | undefined;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
    private readonly closed: () => void,
  ) {
    document.addEventListener('keydown', (event) => {
      const isDialog = byId<HTMLDialogElement>('confirm').open;
      if (event.key === 'Escape' && this.#key !== undefined && !isDialog) this.close();
    });
  }

  open(row: WorkerRow): void {
    if (this.#key === row.key) return;
    this.close(false);
    this.#key = row.key;
    const pool = this.store.pools[row.pool]?.name ?? '';
    this.#view = buildDetail(pool, row.slot, this.session.actions, () => this.close());
    this.#place.replaceChildren(this.#view.element);
    this.#place.hidden = false;
    byId('side').hidden = true;
    this.#source = new EventSource(poolPath(pool, `workers/${row.slot}/stream`));
    this.#source.addEventListener('detail', ({ data }) => this.#take(JSON.parse(data) as WorkerDetail));
    this.show();
  }

  close(isToldOf = true): void {
    this.#source?.close();
    this.#source = undefined;
    this.#key = undefined;
    this.#view = undefined;
    this.#place.hidden = true;
    byId('side').hidden = false;
    if (isToldOf) this.closed();
  }

  /** What the table knows, too. */
  show(): void {
    const row = this.#key === undefined ? undefined : this.store.workers.get(this.#key);
    const view = this.#view;
    if (view === undefined) return;
    if (row === undefined) {
      this.close();
      return;
    }
    const { nowMs } = this.store;
    const verdict = shownVerdict(row, nowMs);
    const { sign, color } = lookOf(verdict);
    setText(view.badge, `${sign} ${verdict}${row.reason ? `: ${row.reason.replaceAll('_', ' ')}` : ''}`);
    setData(view.badge, 'color', color);
    const facts: Record<string, string> = {
      PID: orNothing(row.pid),
      Age: duration(row.startedAtMs === null ? null : nowMs - row.startedAtMs),
      Served: count(row.requests),
      Restarts: count(row.restarts),
      Ping: milliseconds(row.pingMs),
      Processes: orNothing(row.processes),
    };
    for (const [name, text] of Object.entries(facts)) setText(view.facts.get(name) as HTMLElement, text);
    const last =
      row.endedHow === null || row.endedAtMs === null
        ? ''
        : `The worker before (pid ${orNothing(row.endedPid)}) ended ${duration(nowMs - row.endedAtMs)} ago: ${row.endedHow}.`;
    setText(view.last, [last, row.error ?? ''].filter((text) => text !== '').join('\n'));
    view.last.hidden = view.last.textContent === '';
    const history = this.store.workerHistories.get(row.key);
    if (history === undefined) return;
    view.cpu.show([history.cpu.values], [percent(row.cpuShare)]);
    view.rss.show([history.rss.values.map((value) => value && value / 1e6)], [bytes(row.rssBytes)]);
    view.latency.show([history.latency.values], [milliseconds(row.latencyMs)]);
  }

  repaint(): void {
    for (const chart of this.#charts) chart.repaint();
  }

  get #charts(): TimeChart[] {
    return this.#view === undefined ? [] : [this.#view.cpu, this.#view.rss, this.#view.latency];
  }

  #take(detail: WorkerDetail): void {
    if (this.#view === undefined) return;
    this.#view.sections.replaceChildren(
      processSection(detail.processes),
      requestSection(detail),
      guardSection(detail.guard),
      stderrSection(detail.stderr),
    );
  }
}
