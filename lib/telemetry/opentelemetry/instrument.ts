import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { checkKeys, ProcguardError } from '../../errors.js';
import { currentTracer, setTracer } from '../../pool/tracing.js';
import { checkPools, type WatchedPool } from '../watched-pool.js';
import { measure } from './measure.js';
import { SpanMaker } from './spans.js';

export interface InstrumentOptions {
  /** Those whose requests and workers are looked at. The default is all of this process, without the gauges. */
  pools?: readonly WatchedPool[] | undefined;
  /** The default is the global one. */
  tracerProvider?: TracerProvider | undefined;
  /** The default is the global one. */
  meterProvider?: MeterProvider | undefined;
}

export interface Instrumentation {
  /** Makes no further spans and takes no further measurements; spans that are open are ended when their requests are. */
  stop(): void;
}

const scope = 'procguard';

/**
 * Makes a span of each request, below the caller's active span, hands its context to the worker, and measures the pools. Call it once,
 * after the SDK has been set up; until `stop()` a second call throws `ERR_PROCGUARD_ALREADY_INSTRUMENTED`. Throws
 * `ERR_PROCGUARD_INVALID_OPTION` too.
 *
 * ```ts
 * const instrumentation = instrument({ pools: [pool] });
 * ```
 */
export function instrument(options: InstrumentOptions = {}): Instrumentation {
  checkKeys('options', options, ['pools', 'tracerProvider', 'meterProvider']);
  const { pools, tracerProvider, meterProvider } = options;
  if (pools !== undefined) checkPools('pools', pools);
  if (currentTracer() !== undefined) throw alreadyInstrumented();
  const watched = pools && [...pools];
  const spans = new SpanMaker(
    (tracerProvider ?? trace).getTracer(scope),
    watched && new Set<object>(watched),
  );
  const stopMeasuring = measure((meterProvider ?? metrics).getMeter(scope), watched);
  setTracer(spans);
  return {
    stop: () => {
      if (currentTracer() === spans) setTracer(undefined);
      stopMeasuring();
    },
  };
}

function alreadyInstrumented(): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_ALREADY_INSTRUMENTED',
    'instrument() has been called before, and each request would get two spans. Call stop() of what it returned first, or give it all pools at once.',
  );
}
