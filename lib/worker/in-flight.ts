import type { WorkRequest } from './request.js';

/** The requests that a worker has, at most `places`. An id tells the place of its request, and is never used twice. */
export class InFlight {
  readonly #requests: (WorkRequest | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  #turn = 0;
  #size = 0;

  constructor(private readonly places: number) {}

  get size(): number {
    return this.#size;
  }

  /** Gives the request its id. */
  add(request: WorkRequest): void {
    const place = this.#freePlaces.pop() ?? this.#size;
    request.id = ++this.#turn * this.places + place;
    this.#requests[place] = request;
    this.#size++;
  }

  get(id: unknown): WorkRequest | undefined {
    const request = this.#requests[(id as number) % this.places];
    return request?.id === id ? request : undefined;
  }

  remove(request: WorkRequest): void {
    const place = request.id % this.places;
    this.#requests[place] = undefined;
    this.#freePlaces.push(place);
    this.#size--;
  }

  has(request: WorkRequest): boolean {
    return this.get(request.id) === request;
  }

  /** Takes out all. */
  clear(): WorkRequest[] {
    const all = this.#requests.filter((request) => request !== undefined);
    for (const request of all) this.remove(request);
    return all;
  }
}
