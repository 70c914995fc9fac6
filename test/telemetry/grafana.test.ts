import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { spawn } from '../../lib/index.js';
import { until, within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import { readDashboard, readRules } from './grafana-files.js';
import { hasPrometheus, hasPromtool } from './programs.js';
import { PrometheusServer, type Series } from './prometheus-server.js';

const folder = path.join(ROOT, 'grafana');
const ruleFiles = [path.join(folder, 'rules.yml'), path.join(folder, 'alerts.yml')];
// Debian's package `prometheus` has both programs. Where they are missing, the name of each test says that it needs them.
const needsPromtool = hasPromtool ? test : test.skip;
const needsPrometheus = hasPrometheus ? test : test.skip;
// A worker that is stopped is replaced after four seconds, and one that nothing ends is given up after five more.
const patienceMs = 60_000;

/** Starts test/fixtures/telemetry-host.mjs; resolves to the address of its metrics. */
async function startHost(t: ExecutionContext, what: string, disable = ''): Promise<string> {
  const host = spawn(process.execPath, [fixture('telemetry-host.mjs'), what], {
    cwd: ROOT,
    env: { ...process.env, PROCGUARD_DISABLE: disable },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => host.once('exit', () => resolve()));
  t.teardown(async () => {
    host.stdin?.end();
    await within(ended, 'the host to end');
  });
  const lines = createInterface({ input: host.stdout! });
  return within(new Promise((resolve) => lines.once('line', resolve)), "the host's address");
}

/** A rate of what never happened is no number. */
function hasNumber(series: readonly Series[]): boolean {
  return series.some(({ value: [, text] }) => Number.isFinite(Number(text)));
}

/** What a panel asks for with all its variables set to all. */
function substitute(expr: string): string {
  return expr.replaceAll('$__rate_interval', '10s').replaceAll(/\$(job|instance|pool)\b/g, '.*');
}

needsPrometheus(
  'R5.5 a real Prometheus scrapes live pools, and every panel and every alert finds its data (needs prometheus)',
  async (t) => {
    t.timeout(2 * patienceMs);
    // Of two hosts, since one that has no keeper has none to restart.
    const targets = await Promise.all([startHost(t, 'trouble'), startHost(t, 'quiet', 'keeper')]);
    const prometheus = await PrometheusServer.start(t, targets, ruleFiles);
    const open = new Map<string, string>();
    for (const { title, expr } of readDashboard().queries)
      open.set(`panel ${title}: ${expr}`, substitute(expr));
    for (const { name, expr } of readRules(ruleFiles)) open.set(`rule ${name}`, expr);
    const end = performance.now() + patienceMs;
    while (open.size > 0 && performance.now() < end) {
      for (const [what, expr] of open) {
        if (hasNumber(await prometheus.query(expr))) open.delete(what);
      }
      if (open.size > 0) await sleep(500);
    }
    t.deepEqual([...open.keys()], []);
    const rules = (await prometheus.rules()).flatMap((group) => group.rules);
    t.deepEqual(
      rules.filter(({ health }) => health !== 'ok'),
      [],
    );
    // Those that need not last for some time. A rule is looked at once a second.
    const firing = async () =>
      (await prometheus.rules())
        .flatMap((group) => group.rules)
        .filter(({ state }) => state === 'firing')
        .map(({ name }) => name);
    for (const name of ['ProcguardCrashLoop', 'ProcguardCleanupFailed'])
      await until(async () => (await firing()).includes(name) || undefined, `${name} to fire`);
  },
);

needsPromtool('R12.3 the rules are valid, and each alert fires when it should (needs promtool)', (t) => {
  const checked = spawnSync('promtool', ['check', 'rules', '--lint-fatal', ...ruleFiles], {
    encoding: 'utf8',
  });
  t.is(checked.status, 0, checked.stdout + checked.stderr);
  t.notThrows(() => execFileSync('promtool', ['test', 'rules', 'tests.yml'], { cwd: folder, stdio: 'pipe' }));
});

test('R12.3 the dashboard is for any data source, job, instance and pool, and has no panel without a query', (t) => {
  const { variables, panels, queries } = readDashboard();
  t.deepEqual(variables, ['datasource', 'job', 'instance', 'pool']);
  for (const { title, type, datasource, targets = [] } of panels.filter((panel) => panel.type !== 'row')) {
    t.is(datasource?.uid, '$' + '{datasource}', `${title} (${type})`);
    t.true(targets.length > 0, title);
  }
  for (const { expr } of queries) t.regex(expr, /instance=~"\$instance"/);
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
});

test('each alert is tested, and has a runbook that exists', (t) => {
  const runbooks = readFileSync(path.join(ROOT, 'docs/runbooks.md'), 'utf8');
  const tests = readFileSync(path.join(folder, 'tests.yml'), 'utf8');
  const alerts = readRules(ruleFiles).filter(({ runbook }) => runbook !== undefined);
  t.true(alerts.length >= 13);
  for (const { name, runbook } of alerts) {
    t.is(runbook, `docs/runbooks.md#${name.toLowerCase()}`);
    t.regex(runbooks, new RegExp(`^## ${name}$`, 'm'));
    t.regex(tests, new RegExp(`alertname: ${name}$`, 'm'));
  }
});
