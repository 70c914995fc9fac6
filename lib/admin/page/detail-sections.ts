import type { ProcessView, WorkerDetail } from '../messages.js';
import { append, make } from './dom.js';
import { bytes, milliseconds } from './format.js';

function section(title: string, ...content: HTMLElement[]): HTMLElement {
  return append(make('section'), make('h3', '', title), ...content);
}

export function processSection(processes: readonly ProcessView[]): HTMLElement {
  const list = make('ul', 'processes');
  for (const { pid, depth, command, rssBytes, isDetached, isStopped } of processes) {
    const item = make('li');
    item.style.paddingLeft = `${Math.min(depth, 8) * 14}px`;
    const notes = [isDetached ? 'own session' : '', isStopped ? 'stopped' : ''].filter((note) => note !== '');
    const line = make('span', 'command', command);
    line.title = command;
    append(item, make('span', 'pid', String(pid)), line, make('span', 'process-rss', bytes(rssBytes)));
    for (const note of notes) item.append(make('span', 'note', note));
    list.append(item);
  }
  return section('Processes', processes.length === 0 ? make('p', 'empty', 'None.') : list);
}

export function requestSection({ requests, handlers }: WorkerDetail): HTMLElement {
  const list = make('ul', 'requests');
  for (const { method, ageMs, leftMs } of requests) {
    const times = `${milliseconds(ageMs)}${leftMs === null ? '' : `, ${milliseconds(Math.max(0, leftMs))} left`}`;
    append(list, append(make('li'), make('span', 'command', method), make('span', 'number', times)));
  }
  const shown = requests.length === 0 ? make('p', 'empty', 'None.') : list;
  const offered = make('p', 'quiet', `Offers: ${handlers.join(', ') || 'nothing'}`);
  return section('Requests in hand', shown, offered);
}

export function guardSection(guard: WorkerDetail['guard']): HTMLElement {
  if (guard === null) return section('Guard', make('p', 'empty', 'No process.'));
  const text = make('p', '', `Link: ${guard.link}. Tree: ${guard.tree}.`);
  const list = make('ul', 'downgrades');
  for (const { code, message, remedy } of guard.downgrades) {
    append(list, append(make('li'), make('strong', '', code), ` ${message} ${remedy}`));
  }
  return section('Guard', text, ...(guard.downgrades.length === 0 ? [] : [list]));
}

export function stderrSection(lines: readonly string[]): HTMLElement {
  const text = make('pre', 'stderr', lines.join('\n'));
  text.tabIndex = 0;
  return section('Last of stderr', lines.length === 0 ? make('p', 'empty', 'Nothing.') : text);
}
