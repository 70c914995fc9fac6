import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Span as ApiSpan, context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import type { PoolOptions } from '../../lib/index.js';
import { type InstrumentOptions, instrument } from '../../lib/telemetry/opentelemetry/index.js';
import { until } from '../helpers/deadline.js';
import { fixture as hostFixture, ROOT } from '../helpers/fixtures.js';
import { fixture, startPool } from '../pool/pools.js';

// Only one part of a process may be instrumented at a time, so the tests of this file go one after the other.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

class Starts implements SpanProcessor {
  constructor(private readonly started: ApiSpan[]) {}
  onStart(span: ApiSpan): void {
    this.started.push(span);
  }
  onEnd(): void {}
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

interface Setup {
  pool: ReturnType<typeof startPool>['pool'];
  stop(): void;
  /** In the order in which the calls were made. */
  started: ApiSpan[];
  /** Those that have ended, in that order. */
  ended(): ReadableSpan[];
  /** Runs below a span, and returns it too. */
  below<T>(run: () => Promise<T>): Promise<{ caller: ApiSpan; value: T }>;
}

function setUp(
  t: ExecutionContext,
  options: Partial<PoolOptions> = {},
  others: InstrumentOptions = {},
): Setup {
  const exporter = new InMemorySpanExporter();
  const started: ApiSpan[] = [];
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter), new Starts(started)],
  });
  const { pool } = startPool(t, { args: [fixture('traced_worker.py')], name: 'traced', ...options });
  const instrumentation = instrument({ pools: [pool], tracerProvider, ...others });
  t.teardown(() => instrumentation.stop());
  return {
    pool,
    started,
    stop: () => instrumentation.stop(),
    ended: () => exporter.getFinishedSpans(),
    below: (run) =>
      tracerProvider.getTracer('test').startActiveSpan('caller', async (caller) => {
        try {
          return { caller, value: await run() };
        } finally {
          caller.end();
        }
      }),
  };
}

const spanOf = (setup: Setup, method: string) => setup.ended().find(({ name }) => name === method)!;

test.serial("a call is a span below the caller's, and the Python handler sees it", async (t) => {
  const setup = setUp(t);
  const { caller, value } = await setup.below(() => setup.pool.call<{ traceparent: string } | null>('trace'));
  const span = spanOf(setup, 'trace');
  t.is(span.kind, SpanKind.CLIENT);
  t.is(span.parentSpanContext?.spanId, caller.spanContext().spanId);
  t.is(span.status.code, SpanStatusCode.UNSET);
  const { traceId, spanId } = span.spanContext();
  t.is(traceId, caller.spanContext().traceId);
  t.deepEqual(value, { traceparent: `00-${traceId}-${spanId}-01` });
  t.like(span.attributes, {
    'rpc.system': 'procguard',
    'rpc.method': 'trace',
    'procguard.pool': 'traced',
    'procguard.outcome': 'succeeded',
    'procguard.worker.pid': setup.pool.stats().workers[0]!.pid,
  });
});

test.serial('the items of a stream are below one span, which ends with the stream', async (t) => {
  const setup = setUp(t);
  const { value } = await setup.below(async () => {
    const seen: unknown[] = [];
    for await (const item of setup.pool.stream<{ traceparent: string }>('traces'))
      seen.push(item.traceparent);
    return seen;
  });
  const { traceId, spanId } = spanOf(setup, 'traces').spanContext();
  t.deepEqual(value, Array(2).fill(`00-${traceId}-${spanId}-01`));
});

test.serial('threads, async handlers and Node workers see the trace too, each its own', async (t) => {
  const code = (serve: string, kind: string) => `import procguard, asyncio
@procguard.handler
${kind} trace(seconds):
    ${kind === 'def' ? 'import time; time.sleep(seconds)' : 'await asyncio.sleep(seconds)'}
    return procguard.trace_context()
@procguard.handler
def items(seconds):
    yield procguard.trace_context()
procguard.serve(${serve})`;
  const node = `import { context, handler, serve } from 'procguard/worker';
import { setTimeout } from 'node:timers/promises';
handler('trace', async (seconds) => { await setTimeout(1000 * seconds); return context().trace; });
handler('items', function* () { yield context().trace; });
serve();`;
  for (const program of [
    { args: ['-c', code('threads=3', 'def')] },
    { args: ['-c', code('', 'async def')] },
    { command: process.execPath, args: ['--input-type=module', '-e', node] },
  ]) {
    const setup = setUp(t, { ...program, concurrency: 3 });
    const seen = await Promise.all([
      setup.pool.call('trace', [0.2]),
      setup.pool.call('trace', [0.1]),
      setup.pool.call('items', [0]).then((items) => (items as unknown[])[0]),
    ]);
    const own = setup.started.map((span) => {
      const { traceId, spanId } = span.spanContext();
      return `00-${traceId}-${spanId}-01`;
    });
    t.deepEqual(
      (seen as { traceparent: string }[]).map(({ traceparent }) => traceparent),
      own,
    );
    await setup.pool.close({ graceMs: 0 });
    setup.stop();
  }
});

test.serial('a failure is an error with its exception, and each span ends once', async (t) => {
  const setup = setUp(t);
  const { pool } = setup;
  await t.throwsAsync(pool.call('fail'), { code: 'ERR_PROCGUARD_WORKER_ERROR' });
  await t.throwsAsync(pool.call('die'), { code: 'ERR_PROCGUARD_WORKER_DIED' });
  await t.throwsAsync(pool.call('wait', [], { timeoutMs: 300 }), { code: 'ERR_PROCGUARD_CALL_TIMEOUT' });
  const abort = new AbortController();
  const aborted = pool.call('wait', [1], { signal: abort.signal });
  abort.abort();
  await t.throwsAsync(aborted, { any: true, name: 'AbortError' });
  t.throws(() => pool.stream('traces', [], { retries: 1 } as object), {
    code: 'ERR_PROCGUARD_INVALID_OPTION',
  });
  for await (const _ of pool.stream('endless')) break;
  await pool.close({ graceMs: 0 });
  await t.throwsAsync(pool.call('trace'), { code: 'ERR_PROCGUARD_POOL_CLOSED' });
  const told = setup
    .ended()
    .map(({ attributes, status, events }) => [
      attributes['procguard.outcome'],
      attributes['error.type'],
      status.code === SpanStatusCode.ERROR,
      events.filter(({ name }) => name === 'exception').length,
    ]);
  t.deepEqual(told, [
    ['failed', 'ERR_PROCGUARD_WORKER_ERROR', true, 1],
    ['died', 'ERR_PROCGUARD_WORKER_DIED', true, 1],
    ['timed_out', 'ERR_PROCGUARD_CALL_TIMEOUT', true, 1],
    ['cancelled', undefined, false, 0],
    ['failed', 'ERR_PROCGUARD_INVALID_OPTION', true, 1],
    ['cancelled', undefined, false, 0],
    ['refused', 'ERR_PROCGUARD_POOL_CLOSED', true, 1],
  ]);
});

test.serial('a call that another worker gets after the first has died is one span', async (t) => {
  const setup = setUp(t);
  await t.throwsAsync(setup.pool.call('die', [], { retries: 1, idempotent: true }));
  t.is(setup.ended().length, 1);
  const { attributes, events } = setup.ended()[0]!;
  t.is(attributes['procguard.tries'], 2);
  t.is(events.filter(({ name }) => name === 'given to a worker').length, 2);
});

test.serial('without an SDK, and for other pools, nothing is sent', async (t) => {
  const { pool } = startPool(t, { args: [fixture('traced_worker.py')] });
  const instrumentation = instrument();
  t.teardown(() => instrumentation.stop());
  t.is(await pool.call('trace'), null);
  instrumentation.stop();
  const setup = setUp(t);
  t.is(await pool.call('trace'), null);
  t.deepEqual(setup.ended(), []);
});

test.serial('a second instrument() is refused until the first is stopped', (t) => {
  const first = instrument();
  t.throws(() => instrument(), { code: 'ERR_PROCGUARD_ALREADY_INSTRUMENTED' });
  first.stop();
  instrument().stop();
});

test.serial("a tracer that throws harms no request, and its error is the program's", async (t) => {
  const args = [hostFixture('broken-tracer.mjs'), fixture('traced_worker.py')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: 20_000 });
  t.is(stdout, 'broken tracer\nnull\n');
});

test.serial('what happens to workers and requests is exported as metrics', async (t) => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  t.teardown(() => meterProvider.shutdown());
  const setup = setUp(t, { heartbeat: { intervalMs: 1000 } }, { meterProvider });
  await setup.pool.call('trace');
  await t.throwsAsync(setup.pool.call('die'));
  const points = async () => {
    exporter.reset();
    await reader.forceFlush();
    const metrics = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((each) => each.metrics));
    return metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({
        name: descriptor.name,
        unit: descriptor.unit,
        attributes,
        value,
      })),
    );
  };
  // The exit is told when the cleanup has been verified.
  const all = await until(async () => {
    const found = await points();
    return found.some(({ name }) => name === 'procguard.worker.exits') ? found : undefined;
  }, 'the exit of the worker');
  const find = (name: string, attributes: object) =>
    all.find(
      (point) =>
        point.name === name &&
        Object.entries(attributes).every(([key, value]) => point.attributes[key] === value),
    );
  const pool = { 'procguard.pool': 'traced' };
  t.is(find('procguard.requests', { ...pool, 'procguard.outcome': 'succeeded' })?.value, 1);
  t.is(find('procguard.requests', { ...pool, 'procguard.outcome': 'died' })?.value, 1);
  t.is(find('procguard.worker.exits', { ...pool, 'procguard.reason': 'crashed' })?.value, 1);
  t.is((find('procguard.request.run.duration', pool)?.value as { count: number }).count, 2);
  t.is(find('procguard.request.run.duration', pool)?.unit, 's');
  t.is(find('procguard.queue.limit', pool)?.value, 10_000);
  const states = all.filter(({ name }) => name === 'procguard.workers');
  t.is(
    states.reduce((sum, { value }) => sum + (value as number), 0),
    1,
  );
  t.is(trace.getSpan(context.active()), undefined);
});
