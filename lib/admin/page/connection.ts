import type { Delta, Snapshot } from '../messages.js';
import { byId, setData, setText } from './dom.js';
import type { Store } from './store.js';

// The server tells something twice a second.
const silentMs = 5000;

/** Keeps the store as the server tells it. The browser connects again by itself, and gets all anew. */
export function follow(store: Store, changed: () => void): void {
  const source = new EventSource('api/stream');
  let heardMs = performance.now();
  const status = byId('connection');
  const say = (state: string, text: string) => {
    setData(status, 'state', state);
    setText(status, text);
  };
  source.addEventListener('snapshot', ({ data }) => {
    heardMs = performance.now();
    store.replace(JSON.parse(data) as Snapshot);
    say('live', 'Live');
    changed();
  });
  source.addEventListener('delta', ({ data }) => {
    heardMs = performance.now();
    store.apply(JSON.parse(data) as Delta);
    say('live', 'Live');
    changed();
  });
  source.addEventListener('error', () => {
    say('lost', 'Connection lost, trying again');
    // Refused rather than lost: the session has ended, or too many pages are open.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000);
  });
  setInterval(() => {
    if (performance.now() - heardMs > silentMs) say('lost', 'No news for a while');
  }, 1000);
}
