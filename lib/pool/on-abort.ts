interface Listener {
  readonly aborts: Set<() => void>;
  readonly call: () => void;
}

const listeners = new WeakMap<AbortSignal, Listener>();

/**
 * Calls back when the signal is aborted. Returns a function that takes this back. All callbacks of a signal share one
 * listener: Node takes more than ten for a leak, and warns.
 */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  const listener = listeners.get(signal) ?? listen(signal);
  listener.aborts.add(abort);
  return () => {
    if (!listener.aborts.delete(abort) || listener.aborts.size > 0) return;
    signal.removeEventListener('abort', listener.call);
    listeners.delete(signal);
  };
}

function listen(signal: AbortSignal): Listener {
  const aborts = new Set<() => void>();
  const call = () => {
    for (const abort of aborts) abort();
  };
  const listener = { aborts, call };
  signal.addEventListener('abort', call, { once: true });
  listeners.set(signal, listener);
  return listener;
}
