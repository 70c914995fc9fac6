import type { ServerResponse } from 'node:http';
import { HttpError } from './http-error.js';
import type { Delta } from './messages.js';
import { EventStream } from './stream.js';
import type { Watch } from './watch.js';

const maxStreams = 64;

/** All pages that are open. */
export class Live {
  readonly #streams = new Set<EventStream>();
  #told: { delta: Delta; text: string } | undefined;

  constructor(private readonly watch: Watch) {}

  get count(): number {
    return this.#streams.size;
  }

  /** Sends the state, and then each change, as long as that is allowed. Throws `HttpError`. */
  showAll(response: ServerResponse, isAllowed: () => boolean): void {
    let stop = () => {};
    const stream = this.open(response, isAllowed, () => stop());
    stop = this.watch.subscribe((delta) => stream.send('delta', this.#textOf(delta)));
    stream.send('snapshot', JSON.stringify(this.watch.snapshot()));
  }

  /** Throws `HttpError`. */
  open(response: ServerResponse, isAllowed: () => boolean, closed: () => void): EventStream {
    if (this.#streams.size >= maxStreams) {
      throw new HttpError(503, `${maxStreams} pages are open already. Close some.`, { 'Retry-After': '5' });
    }
    const stream = new EventStream(response, isAllowed, () => {
      this.#streams.delete(stream);
      closed();
    });
    this.#streams.add(stream);
    return stream;
  }

  end(): void {
    for (const stream of this.#streams) stream.end();
  }

  /** One text for all pages. */
  #textOf(delta: Delta): string {
    if (this.#told?.delta !== delta) this.#told = { delta, text: JSON.stringify(delta) };
    return this.#told.text;
  }
}
