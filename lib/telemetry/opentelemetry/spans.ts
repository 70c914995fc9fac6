import { type Exception, type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { RequestOutcome } from '../../events/events.js';
import type { Pool } from '../../pool/pool.js';
import type { RequestSpan, Tracer as RequestTracer } from '../../pool/tracing.js';
import type { Trace } from '../../wire/messages.js';
import type { Worker } from '../../worker/worker.js';
import { outcomeOf } from './outcome.js';
import { traceOf } from './traceparent.js';

export class SpanMaker implements RequestTracer {
  constructor(
    private readonly tracer: Tracer,
    /** Undefined: all. */
    private readonly pools: ReadonlySet<object> | undefined,
  ) {}

  begin(pool: Pool, name: string, method: string): RequestSpan | undefined {
    if (this.pools?.has(pool) === false) return undefined;
    const span = this.tracer.startSpan(String(method), {
      kind: SpanKind.CLIENT,
      attributes: { 'rpc.system': 'procguard', 'rpc.method': String(method), 'procguard.pool': name },
    });
    return new OpenSpan(span);
  }
}

class OpenSpan implements RequestSpan {
  readonly trace: Trace | undefined;
  #tries = 0;

  constructor(private readonly span: Span) {
    this.trace = traceOf(span.spanContext());
  }

  given({ number, pid }: Worker): void {
    this.#tries++;
    const worker = { 'procguard.worker': number, ...(pid !== undefined && { 'procguard.worker.pid': pid }) };
    this.span.setAttributes(worker);
    // Until then it waited.
    this.span.addEvent('given to a worker', worker);
  }

  succeeded(): void {
    this.#end('succeeded');
  }

  failed(error: unknown): void {
    const outcome = outcomeOf(error, this.#tries > 0);
    // Nobody waits for it any more, which is no failure: a loop over a stream was left, or a signal was aborted.
    if (outcome !== 'cancelled') {
      this.span.recordException(error as Exception);
      this.span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
    }
    const code = (error as { code?: unknown } | undefined)?.code;
    if (typeof code === 'string') this.span.setAttribute('error.type', code);
    this.#end(outcome);
  }

  #end(outcome: RequestOutcome): void {
    this.span.setAttribute('procguard.outcome', outcome);
    if (this.#tries > 1) this.span.setAttribute('procguard.tries', this.#tries);
    this.span.end();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
