import type { Worker } from '../worker/worker.js';

interface Place {
  load: number;
  /** Among those of the same load. */
  index: number;
}

const absent = -1;

/** The workers that may take a request, by how many they have, so that the least loaded one is found at once. */
export class LoadIndex {
  readonly #byLoad: Worker[][] = [];
  readonly #places = new Map<Worker, Place>();

  /** The least loaded. */
  least(): Worker | undefined {
    for (const workers of this.#byLoad) if (workers.length > 0) return workers[workers.length - 1];
    return undefined;
  }

  /** Puts the worker where its load says. */
  update(worker: Worker): void {
    const load = worker.inFlight;
    let place = this.#places.get(worker);
    if (place === undefined) {
      place = { load: absent, index: 0 };
      this.#places.set(worker, place);
    }
    if (place.load === load) return;
    this.#takeOut(worker, place);
    while (this.#byLoad.length <= load) this.#byLoad.push([]);
    const workers = this.#byLoad[load] as Worker[];
    place.load = load;
    place.index = workers.length;
    workers.push(worker);
  }

  /** It may take no request for a while. */
  suspend(worker: Worker): void {
    const place = this.#places.get(worker);
    if (place !== undefined) this.#takeOut(worker, place);
  }

  /** It is gone. */
  remove(worker: Worker): void {
    this.suspend(worker);
    this.#places.delete(worker);
  }

  #takeOut(worker: Worker, place: Place): void {
    if (place.load === absent) return;
    const workers = this.#byLoad[place.load] as Worker[];
    place.load = absent;
    const last = workers.pop() as Worker;
    if (last === worker) return;
    workers[place.index] = last;
    (this.#places.get(last) as Place).index = place.index;
  }
}
