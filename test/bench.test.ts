import { fileURLToPath } from 'node:url';
import test from 'ava';
import { execa } from 'execa';

type Row = Record<string, unknown>;

const run = fileURLToPath(new URL('../bench/run.js', import.meta.url));

async function bench(...args: string[]) {
  const { exitCode, stdout, stderr } = await execa('node', [run, ...args], {
    reject: false,
    timeout: 120_000,
  });
  return { exitCode, stdout, stderr };
}

async function rowsOf(name: string): Promise<(table: string) => Row[]> {
  const { exitCode, stdout, stderr } = await bench(name, '--quick', '--json');
  if (exitCode !== 0) throw new Error(`bench ${name} ended with ${exitCode}:\n${stdout}\n${stderr}`);
  const rows = stdout.split('\n').map((line): Row => JSON.parse(line));
  return (table) => rows.filter((row) => row.bench === name && row.table === table);
}

const isTime = (value: unknown) => typeof value === 'number' && value > 0;

test('bench spawn measures Node, procguard and C, and leaves nothing behind', async (t) => {
  const table = await rowsOf('spawn');

  const times = table('times');
  t.deepEqual(
    times.map((row) => row.method),
    [
      'child_process.spawn',
      'procguard.spawn',
      'procguard, native part alone',
      'C posix_spawn and three socket pairs',
      'C posix_spawn alone',
      'on one CPU: procguard, native part alone',
      'on one CPU: C posix_spawn and three socket pairs',
      'on one CPU: C posix_spawn alone',
    ],
  );
  for (const row of times) t.true(row.hostMb === 50 && isTime(row.blockedP50Ms) && isTime(row.blockedP99Ms));
  t.is(times.filter((row) => isTime(row.exitP50Ms) && isTime(row.exitP99Ms)).length, 4);

  const after = table('after');
  t.is(after.length, 4);
  for (const row of after) t.true(isTime(row.undisturbedP50Ms) && isTime(row.afterP50Ms));

  const targets = table('targets');
  t.deepEqual(
    targets.map((row) => row.target),
    [0.15, 1.5, 1.5],
  );
  for (const row of targets) t.true(isTime(row.measured) && ['pass', 'MISS'].includes(row.verdict as string));

  t.deepEqual(table('survivors'), [
    { bench: 'spawn', table: 'survivors', survivors: 0, pids: '', cgroups: '' },
  ]);
});

test('bench kill measures the deaths in each tree mode, shows its control, and leaves nothing behind', async (t) => {
  const table = await rowsOf('kill');

  const deaths = table('deaths');
  t.true(deaths.some((row) => row.mode === 'mark'));
  for (const row of deaths)
    t.true(isTime(row.childrenP99Ms) && isTime(row.grandchildrenP99Ms) && isTime(row.lastP99Ms));

  const [control] = table('control');
  t.is(control?.survivingChildren, control?.children);
  t.is(control?.survivingGrandchildren, control?.children);

  t.deepEqual(table('survivors'), [
    { bench: 'kill', table: 'survivors', survivors: 0, pids: '', cgroups: '' },
  ]);
});

test('bench requests measures the contenders and leaves nothing behind', async (t) => {
  const table = await rowsOf('requests');

  const requests = table('requests');
  for (const payload of ['json', 'bytes'])
    for (const workers of [1, 4])
      for (const inFlight of [1, 8]) {
        const rows = requests.filter(
          (row) => row.payload === payload && row.workers === workers && row.inFlight === inFlight,
        );
        t.true(rows.length >= 3);
        for (const row of rows) t.true(isTime(row.callsPerS) && isTime(row.p50Ms) && isTime(row.p99Ms));
      }
  for (const row of table('targets'))
    t.true(isTime(row.measured) && ['pass', 'MISS'].includes(row.verdict as string));

  t.deepEqual(table('survivors'), [
    { bench: 'requests', table: 'survivors', survivors: 0, pids: '', cgroups: '' },
  ]);
});

test('bench scale measures starts, blocks, memory and calls for each number of workers, and leaves nothing behind', async (t) => {
  const table = await rowsOf('scale');

  const workersOf = (name: string) => table(name).map((row) => row.workers);
  t.deepEqual(workersOf('start'), [2, 4]);
  for (const row of table('start'))
    t.true(isTime(row.allAtOnceMs) && isTime(row.fewAtATimeMs) && isTime(row.readyMs) && isTime(row.closeMs));

  t.deepEqual(workersOf('host'), [2, 4]);
  for (const row of table('host')) t.true(isTime(row.startMs) && isTime(row.keeperKb));

  t.deepEqual(workersOf('calls'), [2, 2, 4, 4]);
  for (const row of table('calls')) t.true(isTime(row.hostUs) && isTime(row.wallUs));

  t.is(table('targets').length, 11);
  for (const row of table('targets')) t.true(['pass', 'MISS'].includes(row.verdict as string));

  t.deepEqual(table('survivors'), [
    { bench: 'scale', table: 'survivors', survivors: 0, pids: '', cgroups: '' },
  ]);
});

test('bench run measures starts and memory, and leaves nothing behind', async (t) => {
  const table = await rowsOf('run');

  const starts = table('starts');
  t.deepEqual(
    starts.map((row) => row.contender),
    ['the command alone', 'node, with an empty script', 'procguard run', 'procguard-run'],
  );
  for (const row of starts) t.true(isTime(row.p50Ms) && isTime(row.p99Ms));

  const [memory] = table('memory');
  t.true(isTime(memory?.runKb) && isTime(memory?.keeperKb));

  const [added, kept] = table('targets');
  t.is(added?.target, 60);
  t.is(kept?.verdict, 'pass');

  t.deepEqual(table('survivors'), [
    { bench: 'run', table: 'survivors', survivors: 0, pids: '', cgroups: '' },
  ]);
});

test('bench heartbeat measures idle workers and calls with and without pings, and leaves nothing behind', async (t) => {
  const table = await rowsOf('heartbeat');

  const idle = table('idle');
  t.deepEqual(
    idle.map((row) => row.workers),
    [1, 2, 4],
  );
  for (const row of idle)
    t.true(isTime(row.hostOn) && isTime(row.hostOff) && isTime(row.workerOn) && isTime(row.workerKbOff));

  const calls = table('calls');
  t.deepEqual(
    calls.map((row) => row.inFlight),
    [1, 8],
  );
  for (const row of calls) t.true(isTime(row.p99OnUs) && isTime(row.p99OffUs) && isTime(row.ratio));

  t.is(table('targets').length, 6);
  for (const row of table('targets')) t.true(['pass', 'MISS'].includes(row.verdict as string));

  t.deepEqual(table('survivors'), [
    { bench: 'heartbeat', table: 'survivors', survivors: 0, pids: '', cgroups: '' },
  ]);
});

test('bench telemetry measures calls with and without listeners, and leaves nothing behind', async (t) => {
  const table = await rowsOf('telemetry');

  const calls = table('calls');
  t.deepEqual(
    calls.map((row) => [row.workers, row.inFlight]),
    [
      [1, 1],
      [1, 8],
      [2, 1],
      [2, 8],
    ],
  );
  for (const row of calls) t.true(isTime(row.p99OnUs) && isTime(row.p99OffUs) && isTime(row.controlRatio));

  t.is(table('targets').length, 4);
  for (const row of table('targets')) t.true(['pass', 'MISS'].includes(row.verdict as string));

  t.deepEqual(table('survivors'), [
    { bench: 'telemetry', table: 'survivors', survivors: 0, pids: '', cgroups: '' },
  ]);
});

test('bench refuses what it does not know with exit code 2 and says what there is', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /Name a bench: spawn, kill, requests, scale, run, heartbeat, telemetry\./],
    [
      ['spwan'],
      /There is no bench 'spwan'; there are: spawn, kill, requests, scale, run, heartbeat, telemetry\./,
    ],
    [['spawn', 'kill'], /One bench at a time/],
    [['spawn', '--fast'], /Unknown option '--fast'/],
  ];
  for (const [args, message] of cases) {
    const { exitCode, stdout, stderr } = await bench(...args);
    t.is(exitCode, 2);
    t.is(stdout, '');
    t.regex(stderr, message);
  }
});
