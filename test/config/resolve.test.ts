import test from 'ava';
import { resolve } from '../../lib/config/resolve.js';
import type { PoolOptions, ProcguardError } from '../../lib/index.js';

const command = 'python3';

/** What the constructor throws. */
function refusal(options: object, environment: NodeJS.ProcessEnv = {}): string {
  try {
    resolve({ command, ...options }, environment);
  } catch (error) {
    if ((error as ProcguardError).code === 'ERR_PROCGUARD_INVALID_OPTION') return (error as Error).message;
    throw error;
  }
  throw new Error('Nothing was refused.');
}

const valuesOf = (options: Partial<PoolOptions>, environment: NodeJS.ProcessEnv = {}) =>
  resolve({ command, ...options }, environment).values;

/** Both ends of a range are taken, and what is beyond is refused with the range, as an option and as a variable. */
function keepsRange(name: string, group: string, key: string, variable: string, from: number, to: number) {
  // Other keys that would not fit, such as a stall that is shorter than the timeout, or pings longer than it.
  const rest = key === 'timeoutMs' ? { intervalMs: 1000, misses: 1 } : {};
  test(name, (t) => {
    for (const value of [from, to]) {
      const options = { [group]: { ...rest, [key]: value } };
      t.like(valuesOf(options), { [group]: { [key]: value } });
      t.like(valuesOf({ [group]: rest }, { [variable]: String(value) }), { [group]: { [key]: value } });
    }
    for (const value of [from - 1, to + 1, from + 0.5, Number.NaN, '9', null]) {
      const message = refusal({ [group]: { ...rest, [key]: value } });
      t.true(message.includes(`\`${group}.${key}\``), message);
      t.true(message.includes(`from ${from} to ${to}`), message);
    }
    for (const text of [
      String(from - 1),
      String(to + 1),
      `${from}.5`,
      '1e4',
      'soon',
      `-${from}`,
      ` ${from}`,
    ]) {
      const message = refusal({ [group]: rest }, { [variable]: text });
      const expected = `\`${variable}\`: '${text}'. Allowed: a whole number from ${from} to ${to}.`;
      t.is(message, `Invalid environment variable ${expected}`);
    }
  });
}

keepsRange(
  'R9.1 R2.4 the ping interval can be set from 1 to 60 s, and no other',
  'heartbeat',
  'intervalMs',
  'PROCGUARD_HEARTBEAT_INTERVAL_MS',
  1000,
  60_000,
);
keepsRange(
  'R9.1 R2.4 the timeout threshold can be set from 5 to 300 s, and no other',
  'heartbeat',
  'timeoutMs',
  'PROCGUARD_HEARTBEAT_TIMEOUT_MS',
  5000,
  300_000,
);
keepsRange(
  'R9.3 the graceful shutdown timeout can be set from 5 to 300 s, and no other',
  'shutdown',
  'graceMs',
  'PROCGUARD_SHUTDOWN_GRACE_MS',
  5000,
  300_000,
);

test('R9.1 without a threshold, three intervals are one; each of misses and timeout follows from the other', (t) => {
  const heartbeat = (options: PoolOptions['heartbeat']) => {
    const { intervalMs, timeoutMs, misses } = valuesOf({ heartbeat: options }).heartbeat;
    return { intervalMs, timeoutMs, misses };
  };
  t.deepEqual(heartbeat({}), { intervalMs: 5000, timeoutMs: 15_000, misses: 3 });
  t.deepEqual(heartbeat({ intervalMs: 1000 }), { intervalMs: 1000, timeoutMs: 3000, misses: 3 });
  t.deepEqual(heartbeat({ misses: 5 }), { intervalMs: 5000, timeoutMs: 25_000, misses: 5 });
  t.deepEqual(heartbeat({ timeoutMs: 60_000 }), { intervalMs: 5000, timeoutMs: 60_000, misses: 3 });
  t.deepEqual(heartbeat({ timeoutMs: 5000 }), { intervalMs: 5000, timeoutMs: 5000, misses: 1 });
});

test('values that do not fit together are refused, with the other value and where it came from', (t) => {
  for (const [options, environment, message] of [
    [
      { heartbeat: { intervalMs: 10_000, timeoutMs: 6000 } },
      {},
      'Invalid option `heartbeat.timeoutMs`: 6000. Allowed: at least `heartbeat.intervalMs` (10000).',
    ],
    [
      { heartbeat: { intervalMs: 10_000 } },
      { PROCGUARD_HEARTBEAT_TIMEOUT_MS: '6000' },
      "Invalid environment variable `PROCGUARD_HEARTBEAT_TIMEOUT_MS`: '6000'. Allowed: at least `heartbeat.intervalMs` (10000).",
    ],
    [
      { heartbeat: { timeoutMs: 6000 } },
      { PROCGUARD_HEARTBEAT_MISSES: '2' },
      'Invalid option `heartbeat.timeoutMs`: 6000. Allowed: at least 10000, which is `heartbeat.misses` (2, from PROCGUARD_HEARTBEAT_MISSES) × `heartbeat.intervalMs` (5000, the default).',
    ],
    [
      { heartbeat: { intervalMs: 60_000, misses: 6 } },
      {},
      'Invalid option `heartbeat.misses`: 6. Allowed: at most 5 with `heartbeat.intervalMs` (60000): 300000 ms in all.',
    ],
    [
      { heartbeat: { stalledMs: 14_999 } },
      {},
      'Invalid option `heartbeat.stalledMs`: 14999. Allowed: at least `heartbeat.timeoutMs` (15000, the default).',
    ],
    [
      { size: 2, restart: { minHealthy: 2 } },
      {},
      'Invalid option `restart.minHealthy`: 2. Allowed: less than `size` (2), or no worker could be replaced.',
    ],
    [
      { restart: { backoffMs: 5001 } },
      {},
      'Invalid option `restart.backoffMs`: 5001. Allowed: at most `restart.maxBackoffMs` (5000, the default).',
    ],
    [
      { restart: { backoffMs: 200, maxBackoffMs: 199 } },
      {},
      'Invalid option `restart.maxBackoffMs`: 199. Allowed: at least `restart.backoffMs` (200).',
    ],
  ] as [object, NodeJS.ProcessEnv, string][]) {
    t.is(refusal(options, environment), message);
  }
});

test('R9.2 the watchdog is off, and can be turned on for all pools or for one, and off for one', (t) => {
  t.false(valuesOf({}).watchdog);
  t.true(valuesOf({ watchdog: true }).watchdog);
  t.true(valuesOf({}, { PROCGUARD_WATCHDOG: 'true' }).watchdog);
  t.false(valuesOf({ watchdog: false }, { PROCGUARD_WATCHDOG: 'true' }).watchdog);
});

test('R9.4 each type of event can be turned off and on by itself', (t) => {
  const types = ['worker', 'heartbeat', 'cleanup', 'request', 'keeper', 'alert'];
  const all = Object.fromEntries(types.map((type) => [type, true]));
  t.deepEqual(valuesOf({}).telemetry as object, all);
  for (const type of types) {
    const variable = { [`PROCGUARD_TELEMETRY_${type.toUpperCase()}`]: '0' };
    t.deepEqual(valuesOf({ telemetry: { [type]: false } }).telemetry as object, { ...all, [type]: false });
    t.deepEqual(valuesOf({}, variable).telemetry as object, { ...all, [type]: false });
    t.deepEqual(valuesOf({ telemetry: { [type]: true } }, variable).telemetry as object, all);
  }
  t.regex(refusal({ telemetry: { workers: false } }), /`telemetry.workers`: false.*`telemetry.worker`/);
});

test('R9.5 an option beats a variable, a variable beats the default, and config() says which it was', (t) => {
  const environment = {
    PROCGUARD_SIZE: '7',
    PROCGUARD_MAX_QUEUE: '9',
    PROCGUARD_GUARD_CONTAINMENT: 'process',
  };
  const { values, settings } = resolve({ command, size: 3, maxQueue: undefined }, environment);
  t.like(values, { size: 3, maxQueue: 9, concurrency: 1, guard: { containment: 'process', graceMs: 0 } });
  t.deepEqual(settings.size, { value: 3, source: 'option' });
  t.deepEqual(settings.maxQueue, { value: 9, source: 'environment', variable: 'PROCGUARD_MAX_QUEUE' });
  t.deepEqual(settings['guard.containment'], {
    value: 'process',
    source: 'environment',
    variable: 'PROCGUARD_GUARD_CONTAINMENT',
  });
  t.deepEqual(settings.concurrency, { value: 1, source: 'default' });
  t.deepEqual(settings['heartbeat.timeoutMs'], { value: 15_000, source: 'default' });
});

test('an empty variable is one that is not set, and a bad one that an option beats does no harm', (t) => {
  t.is(resolve({ command }, { PROCGUARD_MAX_QUEUE: '' }).settings.maxQueue.source, 'default');
  t.is(valuesOf({ size: 2 }, { PROCGUARD_SIZE: 'many' }).size, 2);
});

test('variables of keys inside a group join the options of that group, and the options stay as they are', (t) => {
  const options = { command, heartbeat: { intervalMs: 2000 } };
  const { heartbeat } = resolve(options, { PROCGUARD_HEARTBEAT_MISSES: '4' }).values;
  t.like(heartbeat, { intervalMs: 2000, misses: 4, timeoutMs: 8000 });
  t.deepEqual(options, { command, heartbeat: { intervalMs: 2000 } });
});

test('config() leaves the environment out: it may hold secrets', (t) => {
  const { settings } = resolve({ command, env: { TOKEN: 'secret' } }, {});
  t.false('env' in settings);
  t.false(JSON.stringify(settings).includes('secret'));
});

test('a misspelled key is refused with its value and the nearest real key', (t) => {
  for (const [options, written, meant] of [
    [{ sise: 4 }, '`sise`: 4', '`size` (a whole number from 1 to 10000)'],
    [{ Size: 4 }, '`Size`: 4', '`size` ('],
    [
      { heartbeat: { interval: 5 } },
      '`heartbeat.interval`: 5',
      '`heartbeat.intervalMs` (a whole number from 1000 to 60000)',
    ],
    [{ heartbeat: { timeout: 5 } }, '`heartbeat.timeout`: 5', '`heartbeat.timeoutMs` ('],
    [{ intervalMs: 5 }, '`intervalMs`: 5', '`heartbeat.intervalMs` ('],
    [{ heartbeats: 5 }, '`heartbeats`: 5', '`heartbeat` (an object with `enabled`, '],
    [{ heartbeatIntervalMs: 5 }, '`heartbeatIntervalMs`: 5', '`heartbeat.intervalMs` ('],
    [{ shutdown: { grace: 'x' } }, "`shutdown.grace`: 'x'", '`shutdown.graceMs` ('],
    [
      { guard: { containmnet: 'tree' } },
      "`guard.containmnet`: 'tree'",
      "`guard.containment` ('tree', 'process')",
    ],
    [{ restart: { maxFailedStart: 3 } }, '`restart.maxFailedStart`: 3', '`restart.maxFailedStarts` ('],
    [{ command: undefined, comand: 'x' }, "`comand`: 'x'", '`command` ('],
  ] as [object, string, string][]) {
    const message = refusal(options);
    t.true(
      message.startsWith(`Invalid option ${written}. There is no such option. Did you mean ${meant}`),
      message,
    );
  }
});

test('a key that is like no other is refused with those that there are in its place', (t) => {
  t.regex(refusal({ banana: 1 }), /`banana`: 1\. .*Those that there are: `command`, `args`.*`onOutput`\.$/);
  t.regex(
    refusal({ shutdown: { banana: 1 } }),
    /`shutdown\.banana`: 1\. .*Those that there are: `shutdown\.graceMs`\.$/,
  );
});

for (const [options, name, allowed] of [
  [{ command: undefined }, '`command`: undefined', 'the name of a program'],
  [{ command: '' }, "`command`: ''", 'the name of a program'],
  [{ args: 'x' }, "`args`: 'x'", 'a list of strings'],
  [{ args: [1] }, '`args`: an array', 'a list of strings'],
  [{ cwd: 1 }, '`cwd`: 1', 'the path of a folder'],
  [{ env: null }, '`env`: null', 'an object of strings'],
  [{ name: 'my pool' }, "`name`: 'my pool'", '1 to 64 letters of A to Z, digits, `_`, `.` and `-`'],
  [
    { name: 'x'.repeat(65) },
    `\`name\`: '${'x'.repeat(65)}'`,
    '1 to 64 letters of A to Z, digits, `_`, `.` and `-`',
  ],
  [{ maxAgeMs: 0 }, '`maxAgeMs`: 0', 'a whole number of at least 1, or Infinity for never'],
  [{ maxAgeMs: 1.5 }, '`maxAgeMs`: 1.5', 'a whole number of at least 1, or Infinity for never'],
  [{ watchdog: 1 }, '`watchdog`: 1', 'true, false'],
  [
    { heartbeat: 5 },
    '`heartbeat`: 5',
    'an object with `enabled`, `intervalMs`, `timeoutMs`, `misses`, `stalledMs`',
  ],
  [{ shutdown: null }, '`shutdown`: null', 'an object with `graceMs`'],
  [{ guard: false }, '`guard`: false', 'an object with `containment`, `graceMs`: workers are always guarded'],
  [{ guard: { containment: 'forest' } }, "`guard.containment`: 'forest'", "'tree', 'process'"],
  [{ onOutput: 'x' }, "`onOutput`: 'x'", 'a function'],
] as [object, string, string][]) {
  test(`${name.slice(0, 40)} is refused with what is allowed, also when variables are set`, (t) => {
    const environment = { PROCGUARD_HEARTBEAT_MISSES: '2', PROCGUARD_SHUTDOWN_GRACE_MS: '5000' };
    t.is(refusal(options, environment), `Invalid option ${name}. Allowed: ${allowed}.`);
  });
}

test('options that are no object are refused', (t) => {
  for (const options of [undefined, null, 'python3', []])
    t.throws(() => resolve(options, {}), { code: 'ERR_PROCGUARD_INVALID_OPTION', message: /`options`/ });
});

test('a limit that is off by default can be set by a variable, and taken off again in code', (t) => {
  t.is(valuesOf({}).maxRequests, Number.POSITIVE_INFINITY);
  t.is(valuesOf({}, { PROCGUARD_MAX_REQUESTS: '12' }).maxRequests, 12);
  t.is(
    valuesOf({ maxRequests: Number.POSITIVE_INFINITY }, { PROCGUARD_MAX_REQUESTS: '12' }).maxRequests,
    Number.POSITIVE_INFINITY,
  );
  t.is(valuesOf({}, { PROCGUARD_MAX_AGE_MS: 'Infinity' }).maxAgeMs, Number.POSITIVE_INFINITY);
});
