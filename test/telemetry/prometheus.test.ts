import { execFileSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { Registry } from 'prom-client';
import { createMetrics, type Metrics, type MetricsOptions } from '../../lib/telemetry/prometheus/index.js';
import { until } from '../helpers/deadline.js';
import { LINK } from '../helpers/host.js';
import { startPool } from '../pool/pools.js';
import { fakePool, publish } from './fake-pool.js';
import { hasPromtool } from './programs.js';
import { readSeries } from './series.js';

function metricsOf(t: ExecutionContext, options: MetricsOptions): Metrics {
  const metrics = createMetrics(options);
  t.teardown(() => metrics.stop());
  return metrics;
}

test('each event is counted, and observed in seconds', async (t) => {
  const { registry } = metricsOf(t, { pools: [fakePool('events', 1)] });
  const pool = 'events';
  publish('procguard:worker:start', { pool });
  publish('procguard:worker:ready', { pool, startMs: 1500 });
  publish('procguard:worker:exit', { pool, reason: 'crashed' });
  publish('procguard:worker:unhealthy', { pool, verdict: 'stalled' });
  publish('procguard:heartbeat:pong', { pool, latencyMs: 2 });
  publish('procguard:heartbeat:miss', { pool });
  publish('procguard:cleanup:done', { pool, durationMs: 20 });
  publish('procguard:cleanup:failed', { pool, durationMs: 5000 });
  publish('procguard:request:end', {
    pool,
    outcome: 'succeeded',
    waitMs: 3,
    runMs: 30,
    worker: 1,
    retries: 2,
  });
  publish('procguard:request:end', { pool, outcome: 'refused', waitMs: 0, runMs: 0, retries: 0 });
  publish('procguard:alert', { pool, code: 'slot_failed', severity: 'critical' });
  const text = await registry.metrics();
  for (const [series, value] of Object.entries({
    'worker_starts_total{pool="events"}': 1,
    'worker_start_seconds_sum{pool="events"}': 1.5,
    'worker_exits_total{pool="events",reason="crashed"}': 1,
    'worker_unhealthy_total{pool="events",verdict="stalled"}': 1,
    'heartbeat_latency_seconds_sum{pool="events"}': 0.002,
    'heartbeat_misses_total{pool="events"}': 1,
    'cleanup_seconds_count{pool="events"}': 2,
    'cleanup_seconds_sum{pool="events"}': 5.02,
    'cleanup_failures_total{pool="events"}': 1,
    'requests_total{pool="events",outcome="succeeded"}': 1,
    'requests_total{pool="events",outcome="refused"}': 1,
    'request_retries_total{pool="events"}': 2,
    'request_wait_seconds_count{pool="events"}': 1,
    'request_run_seconds_sum{pool="events"}': 0.03,
    'alerts_total{pool="events",code="slot_failed",severity="critical"}': 1,
  })) {
    t.is(readSeries(text, `procguard_${series}`), value, series);
  }
});

test('series that count begin at 0, so that their first increase is one', async (t) => {
  const text = await metricsOf(t, { pools: [fakePool('new', 1)] }).registry.metrics();
  for (const series of [
    'worker_exits_total{pool="new",reason="unhealthy"}',
    'requests_total{pool="new",outcome="died"}',
    'alerts_total{pool="new",code="cleanup_failed",severity="critical"}',
    'request_run_seconds_count{pool="new"}',
  ]) {
    t.is(readSeries(text, `procguard_${series}`), 0, series);
  }
});

test('what is pulled is as the pool says, and pools of the same name are one', async (t) => {
  const pools = [fakePool('twin', 4), fakePool('twin', 2, { state: 'failed', verdict: undefined })] as const;
  const metrics = metricsOf(t, { pools });
  const text = await metrics.registry.metrics();
  t.is(readSeries(text, 'procguard_workers{pool="twin",state="idle"}'), 2);
  t.is(readSeries(text, 'procguard_workers{pool="twin",state="busy"}'), 2);
  t.is(readSeries(text, 'procguard_workers{pool="twin",state="failed"}'), 2);
  t.is(readSeries(text, 'procguard_slots_failed{pool="twin"}'), 2);
  t.is(readSeries(text, 'procguard_queue_depth{pool="twin"}'), 6);
  t.is(readSeries(text, 'procguard_queue_limit{pool="twin"}'), 200);
  metrics.remove(pools[0]);
  t.is(readSeries(await metrics.registry.metrics(), 'procguard_queue_depth{pool="twin"}'), 3);
});

test('pools come and go with their series, and others have none', async (t) => {
  const metrics = metricsOf(t, { prefix: 'my_' });
  const pool = fakePool('late', 1);
  publish('procguard:worker:start', { pool: 'late' });
  t.notRegex(await metrics.registry.metrics(), /pool=/);
  metrics.add(pool);
  publish('procguard:worker:start', { pool: 'late' });
  publish('procguard:worker:start', { pool: 'other' });
  const text = await metrics.registry.metrics();
  t.is(readSeries(text, 'my_worker_starts_total{pool="late"}'), 1);
  t.notRegex(text, /pool="other"/);
  metrics.remove(pool);
  t.notRegex(await metrics.registry.metrics(), /pool=/);
});

test("stop() takes the metrics out of a registry that is the program's, and no others", async (t) => {
  const registry = new Registry();
  registry.setDefaultLabels({ app: 'mine' });
  const first = createMetrics({ registry, pools: [fakePool('shared', 1)] });
  t.regex(await registry.metrics(), /procguard_workers\{pool="shared",state="idle",app="mine"\} 1/);
  first.stop();
  t.is((await registry.metrics()).trim(), '');
  createMetrics({ registry }).stop();
});

test('a sweep is recorded, and the time since the death of its host when that is known', async (t) => {
  const { registry, recordSweep } = metricsOf(t, {});
  const report = { found: [7, 8], killed: [7, 8], survivors: [], skipped: [], cgroups: [], durationMs: 40 };
  recordSweep(report);
  recordSweep(report, { hostDiedAt: new Date(Date.now() - 2000) });
  recordSweep({ ...report, survivors: [8] }, { hostDiedAt: new Date() });
  const text = await registry.metrics();
  t.is(readSeries(text, 'procguard_sweep_orphans_found_total'), 6);
  t.is(readSeries(text, 'procguard_sweep_orphans_survived_total'), 1);
  t.is(readSeries(text, 'procguard_sweep_seconds_count'), 3);
  t.is(readSeries(text, 'procguard_host_death_to_clean_seconds_count'), 1);
  t.true(readSeries(text, 'procguard_host_death_to_clean_seconds_sum')! >= 2);
  t.throws(() => recordSweep(report, { hostDiedAt: new Date(Number.NaN) }), {
    code: 'ERR_PROCGUARD_INVALID_OPTION',
  });
});

test('wrong options are refused', (t) => {
  for (const options of [
    { pools: {} },
    { pools: [{}] },
    { prefix: '1_' },
    { prefix: 'a b' },
    { pool: [] },
  ] as object[]) {
    t.throws(() => createMetrics(options), { code: 'ERR_PROCGUARD_INVALID_OPTION' }, JSON.stringify(options));
  }
});

test('what real workers use is measured, their descendants included', async (t) => {
  const { pool } = startPool(t, { name: 'real', size: 2 });
  const { registry } = metricsOf(t, { pools: [pool] });
  await pool.ready();
  // A look that takes longer than a scrape waits for it is told by a later one.
  const text = await until(async () => {
    const scraped = await registry.metrics();
    return readSeries(scraped, 'procguard_worker_processes{pool="real"}') === 2 ? scraped : undefined;
  }, 'both workers to be seen');
  const bytes = readSeries(text, 'procguard_worker_memory_bytes{pool="real"}')!;
  const maxBytes = readSeries(text, 'procguard_worker_memory_max_bytes{pool="real"}')!;
  t.true(maxBytes > 2 ** 20 && maxBytes < bytes && bytes <= 2 * maxBytes);
  t.true(readSeries(text, 'procguard_worker_cpu_seconds_total{pool="real"}')! > 0);
  t.is(readSeries(text, 'procguard_usage_failures_total'), 0);
  t.regex(text, new RegExp(`procguard_guard_info\\{link="${LINK}",tree="(cgroup|mark)"\\} 1`));
});

test('a stall of the event loop is told for a minute, also when it begins at once after a scrape', async (t) => {
  const { registry } = metricsOf(t, {});
  const lag = async () => readSeries(await registry.metrics(), 'procguard_event_loop_lag_max_seconds')!;
  const createdMs = performance.now();
  // The last of these scrapes is one that begins a new time, and the monitors have ticked.
  await until(
    async () => ((await lag()) > 0 && performance.now() - createdMs > 1100 ? true : undefined),
    'a tick',
  );
  const began = performance.now();
  while (performance.now() - began < 150);
  // The monitor's own tick comes with the next turns of the loop.
  const seen = await until(async () => {
    const seconds = await lag();
    return seconds > 0.1 ? seconds : undefined;
  }, 'the stall to be seen');
  t.true((await lag()) >= seen);
});

test('no pid and no worker is a label', async (t) => {
  const { pool } = startPool(t, { name: 'labels' });
  const { registry } = metricsOf(t, { pools: [pool] });
  await pool.ready();
  const labels = new Set([...(await registry.metrics()).matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
  const allowed = ['pool', 'state', 'reason', 'outcome', 'verdict', 'code', 'severity', 'link', 'tree', 'le'];
  t.deepEqual(
    [...labels].filter((label) => !allowed.includes(label!)),
    [],
  );
});

test('a scrape of 1,000 workers in 9 pools takes less than 20 ms, and 64 KB', async (t) => {
  const { pool } = startPool(t, { name: 'real-pool', size: 2 });
  await pool.ready();
  const pools = [pool, ...Array.from({ length: 8 }, (_, index) => fakePool(`inference-${index}`, 125))];
  const { registry } = metricsOf(t, { pools });
  for (const watched of pools) {
    const name = watched.config().name.value;
    for (let count = 0; count < 1000; count++) {
      publish('procguard:request:end', {
        pool: name,
        outcome: 'succeeded',
        waitMs: count / 7,
        runMs: count * 3,
        worker: 1,
        retries: 0,
      });
    }
  }
  const times: number[] = [];
  let text = '';
  for (let round = 0; round < 10; round++) {
    const began = performance.now();
    text = await registry.metrics();
    times.push(performance.now() - began);
  }
  const [fastest] = times.sort((one, other) => one - other);
  t.log(`${fastest!.toFixed(1)} ms at best, ${times[5]!.toFixed(1)} ms in the middle, ${text.length} bytes`);
  // Others use the machine too: one of ten that wasn't disturbed tells.
  t.true(fastest! < 20);
  t.true(Buffer.byteLength(text) < 64 * 1024, `${Buffer.byteLength(text)} bytes`);
});

// Its name says what it needs, where promtool is missing.
(hasPromtool ? test : test.skip)(
  'promtool has nothing to say about the metrics (needs promtool)',
  async (t) => {
    const metrics = metricsOf(t, { pools: [fakePool('a "pool"\nof\\mine', 3)] });
    const input = await metrics.registry.metrics();
    t.is(execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8', stdio: 'pipe' }), '');
  },
);
