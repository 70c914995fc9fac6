import type { Frame } from '../wire/frames.js';
import { readAnswer } from '../wire/read-answer.js';
import { decodeValue } from '../wire/values.js';
import { WireError } from '../wire/wire-error.js';
import { errorOf, type WorkRequest } from './request.js';

/** The requests that a worker has, at most `places`. An id tells the place of its request; each is greater than those before. */
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

  get all(): WorkRequest[] {
    return this.#requests.filter((request) => request !== undefined);
  }

  has(request: WorkRequest): boolean {
    return this.get(request.id) === request;
  }

  /** Somebody waits for a request that was given before this one. */
  hasOlder({ id }: WorkRequest): boolean {
    return this.#requests.some((request) => request !== undefined && request.id < id && !request.settled);
  }

  /** Gives an answer to its request, and says whether it was the last. Throws a `WireError` if it isn't an answer to any. */
  answer({ header, parts }: Frame): boolean {
    const answer = readAnswer(header);
    const { id, type } = answer;
    const request = this.get(id);
    if (request === undefined) {
      throw new WireError('out_of_turn', `An answer (${type}) for request ${id}, which it does not have`);
    }
    const { credit } = request;
    const isForStream = type === 'item' || type === 'end';
    if (type !== 'error' && isForStream !== (credit !== undefined)) {
      throw new WireError('out_of_turn', `An answer (${type}) that doesn't fit request ${id}`);
    }
    // Before the request is let go: a value that can't be decoded must not leave it without an answer.
    const value = 'value' in answer ? decodeValue(answer.value, parts, answer.marked === true) : undefined;
    if (type === 'item') {
      if (credit === 0) throw new WireError('out_of_turn', `An item of request ${id} beyond its credit`);
      request.credit = (credit as number) - 1;
      request.isUnderWay = true;
      request.item(value);
      return false;
    }
    this.remove(request);
    if (type === 'error') request.fail(errorOf(request.payload.method, answer.error));
    else request.succeed(value);
    return true;
  }

  /** Takes out those that were sent after the request `last`, which the worker says it never began, in their order. Throws a `WireError`. */
  takeBack(last: number): WorkRequest[] {
    const unbegun = this.#requests.filter((request) => request !== undefined && request.id > last);
    const later = (unbegun as WorkRequest[]).sort((one, other) => one.id - other.id);
    for (const { id, isUnderWay } of later) {
      if (isUnderWay)
        throw new WireError('out_of_turn', `It leaves after request ${last}, and had begun ${id}`);
    }
    for (const request of later) this.remove(request);
    return later;
  }

  /** Takes out all. */
  clear(): WorkRequest[] {
    const all = this.#requests.filter((request) => request !== undefined);
    for (const request of all) this.remove(request);
    return all;
  }
}
