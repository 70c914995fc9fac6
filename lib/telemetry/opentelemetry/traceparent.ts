import { isSpanContextValid, type SpanContext } from '@opentelemetry/api';
import type { Trace } from '../../wire/messages.js';

/** The span as its children, in another process, refer to it. Undefined when there is no SDK that makes real spans. */
export function traceOf(context: SpanContext): Trace | undefined {
  if (!isSpanContextValid(context)) return undefined;
  const { traceId, spanId, traceFlags, traceState } = context;
  const traceparent = `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize();
  return tracestate ? { traceparent, tracestate } : { traceparent };
}
