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

  constructor(
    private readonly watch: Watch,
    private readonly limitBytes?: number,
  ) {}

  get count(): number {
    return this.#streams.size;
  }

  /** Sends the state, and then each change. Throws `HttpError`. */
  showAll(response: ServerResponse): void {
    let stop = () => {};
    const stream = this.open(response, () => stop());
    stop = this.watch.subscribe((delta) => stream.send('delta', this.#textOf(delta)));
    stream.send('snapshot', JSON.stringify(this.watch.snapshot()));
  }

  /** Throws `HttpError`. */
  open(response: ServerResponse, closed: () => void): EventStream {
    if (this.#streams.size >= maxStreams) {
      throw new HttpError(503, `${maxStreams} pages are open already. Close some.`, { 'Retry-After': '5' });
    }
    const stream = new EventStream(
      response,
      () => {
        this.#streams.delete(stream);
        closed();
      },
      this.limitBytes,
    );
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
