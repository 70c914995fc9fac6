import type { Trace } from '../wire/messages.js';
import type { Worker } from '../worker/worker.js';
import type { Pool } from './pool.js';
import type { TaskSink } from './task.js';

/** What an adapter makes of each request, in the async context of its caller. */
export interface Tracer {
  /** Undefined: this request is not traced. */
  begin(pool: Pool, name: string, method: string): RequestSpan | undefined;
}

export interface RequestSpan {
  /** Sent with the request. */
  readonly trace: Trace | undefined;
  /** Once for each worker that gets it: again when one has died of it, or has given it back. */
  given(worker: Worker): void;
  /** One of these two, once. */
  succeeded(): void;
  failed(error: unknown): void;
}

let tracer: Tracer | undefined;

/** Takes the place of the one before; undefined: none. */
export function setTracer(next: Tracer | undefined): void {
  tracer = next;
}

export function currentTracer(): Tracer | undefined {
  return tracer;
}

/** Where the outcome of a request goes: to `sink`, and to its span when it is traced. */
export function traced(sink: TaskSink, pool: Pool, name: string, method: string): TaskSink {
  if (tracer === undefined) return sink;
  let span: RequestSpan | undefined;
  safely(() => {
    span = tracer?.begin(pool, name, method);
  });
  return span === undefined ? sink : new TracedSink(sink, span);
}

class TracedSink implements TaskSink {
  #isOver = false;

  constructor(
    private readonly sink: TaskSink,
    private readonly span: RequestSpan,
  ) {}

  get trace(): Trace | undefined {
    return this.span.trace;
  }

  given(worker: Worker): void {
    safely(() => this.span.given(worker));
  }

  item(value: unknown): void {
    this.sink.item(value);
  }

  succeed(value: unknown): void {
    this.#end(() => this.span.succeeded());
    this.sink.succeed(value);
  }

  fail(error: unknown): void {
    this.#end(() => this.span.failed(error));
    this.sink.fail(error);
  }

  #end(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    safely(tell);
  }
}

/** A request must not fail for who watches it: the error is the program's, as one in an event's subscriber is. */
function safely(run: () => void): void {
  try {
    run();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
