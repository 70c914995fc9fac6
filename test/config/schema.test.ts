import test from 'ava';
import { reservedVariables } from '../../lib/config/environment.js';
import { poolKeys, variableName } from '../../lib/config/keys.js';
import type { PoolOptions } from '../../lib/config/pool-options.js';
import { resolve } from '../../lib/config/resolve.js';
import type { Input } from '../../lib/config/schema.js';
import { generatedFiles } from '../../scripts/config-docs/files.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = T extends (...args: never[]) => unknown ? T : { [K in keyof T]: T[K] };
type Differing = {
  [K in keyof PoolOptions]-?: Same<Flat<Input[K]>, Flat<PoolOptions[K]>> extends true ? never : K;
}[keyof PoolOptions];
/** The compiler refuses this file when the generated types aren't the schema's. */
const agrees: [Differing, Same<keyof Input, keyof PoolOptions>] extends [never, true] ? true : Differing =
  true;

test('types, docstrings and the table of docs/configuration.md are those of the schema', (t) => {
  t.true(agrees);
  for (const { path, isText, shouldBe } of generatedFiles())
    t.is(isText, shouldBe, `${path} differs from the schema: run \`npm run docs:config\``);
});

test('R9.5 every key with a scalar value has a variable, each its own, and none that means something else', (t) => {
  const keys = poolKeys();
  const names = keys.flatMap(({ variable }) => variable ?? []);
  t.is(new Set([...names, ...reservedVariables]).size, names.length + reservedVariables.length);
  const without = keys.filter(({ variable, isGroup }) => variable === undefined && !isGroup);
  t.deepEqual(
    without.map(({ path }) => path),
    ['args', 'env', 'logger', 'onOutput'],
  );
  t.is(variableName('heartbeat.intervalMs'), 'PROCGUARD_HEARTBEAT_INTERVAL_MS');
});

test('R9.5 every variable sets its key', (t) => {
  const samples: Record<string, string> = {
    command: 'node',
    cwd: '/',
    name: 'a',
    'guard.containment': 'process',
  };
  for (const { path, variable, scalar } of poolKeys()) {
    if (variable === undefined) continue;
    const text = samples[path] ?? (scalar === 'boolean' ? 'true' : sampleNumber(path));
    const environment = { PROCGUARD_COMMAND: 'python3', PROCGUARD_SIZE: '9', [variable]: text };
    const { settings } = resolve({}, environment);
    const setting = settings[path as keyof typeof settings];
    t.like(setting, { source: 'environment', variable }, path);
    t.is(String(setting.value), text, path);
  }
});

/** One that fits beside the defaults of the others. */
function sampleNumber(path: string): string {
  if (path === 'heartbeat.timeoutMs') return '20000';
  if (path === 'heartbeat.stalledMs') return '16000';
  return path.endsWith('Ms') ? '5000' : '4';
}
