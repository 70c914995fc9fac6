import type { Worker } from '../worker/worker.js';

/** The workers that may take a request, by how many they have, so that the least loaded one is found at once. */
export class LoadIndex {
  readonly #byLoad: Worker[][] = [];
  readonly #places = new Map<Worker, { load: number; index: number }>();

  /** The least loaded. */
  least(): Worker | undefined {
    for (const workers of this.#byLoad) if (workers.length > 0) return workers[workers.length - 1];
    return undefined;
  }

  /** Puts the worker where its load says. */
  update(worker: Worker): void {
    const load = worker.inFlight;
    if (this.#places.get(worker)?.load === load) return;
    this.remove(worker);
    while (this.#byLoad.length <= load) this.#byLoad.push([]);
    const workers = this.#byLoad[load] as Worker[];
    this.#places.set(worker, { load, index: workers.length });
    workers.push(worker);
  }

  remove(worker: Worker): void {
    const place = this.#places.get(worker);
    if (place === undefined) return;
    this.#places.delete(worker);
    const workers = this.#byLoad[place.load] as Worker[];
    const last = workers.pop() as Worker;
    if (last === worker) return;
    workers[place.index] = last;
    (this.#places.get(last) as { index: number }).index = place.index;
  }
}
