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

  /** A worker may have `concurrency` requests at a time. */
  constructor(private readonly concurrency: number) {}

  mayTake(worker: Worker): boolean {
    return worker.state === 'ready' && worker.inFlight < this.concurrency && !worker.isClogged;
  }

  /** The least loaded of those that may take a request. */
  least(): Worker | undefined {
    // Nobody tells of a worker that breaks the protocol or is ended while it is idle.
    for (;;) {
      const worker = this.#first();
      if (worker === undefined || this.mayTake(worker)) return worker;
      this.remove(worker);
    }
  }

  /** Puts the worker where its load says. */
  update(worker: Worker): void {
    if (this.mayTake(worker)) this.#put(worker, worker.inFlight);
    else this.suspend(worker);
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

  #first(): Worker | undefined {
    for (const workers of this.#byLoad) if (workers.length > 0) return workers[workers.length - 1];
    return undefined;
  }

  #put(worker: Worker, load: number): void {
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
