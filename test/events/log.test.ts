import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import pino from 'pino';
import { Pool } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { plainWorker } from '../pool/pools.js';

type LogLine = Record<string, unknown>;

/** A pool that logs to pino. */
function startLogging(t: { teardown(fn: () => Promise<void>): void }, more: object = {}) {
  const lines: LogLine[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const pool = new Pool({
    name: 'logging',
    ...plainWorker,
    size: 1,
    logger,
    ...more,
  });
  t.teardown(async () => void (await pool.close({ graceMs: 0 })));
  return { pool, lines };
}

const levels = pino.levels.values;

test('each line about a process in a pino log has pool, worker, pid and reason, whatever telemetry publishes', async (t) => {
  const { pool, lines } = startLogging(t, { telemetry: { worker: false } });
  const pid = (await pool.call('pid')) as number;
  await t.throwsAsync(pool.call('die', [9, 'my last words']));
  await pool.ready();
  await pool.close();
  const own = lines.filter((line) => line.pid === pid);
  for (const line of lines) t.like(line, { pool: 'logging', slot: line.reason === 'output' ? undefined : 0 });
  t.deepEqual(
    own.map(({ msg, level, worker, reason }) => [msg, level, worker, reason]),
    [
      ['worker started', levels.debug, 1, 'new'],
      ['worker ready', levels.info, 1, 'new'],
      ['my last words', levels.info, 1, 'output'],
      ['worker is replaced', levels.info, 1, 'crashed'],
      [`worker ended: Worker ${pid} died: ended by SIGKILL.`, levels.warn, 1, 'crashed'],
    ],
  );
  t.is(own[2]!.source, 'stderr');
  // A worker that leaves when it is asked to is no warning.
  t.like(lines.find(({ worker, msg }) => worker === 2 && `${msg}`.startsWith('worker ended'))!, {
    level: levels.info,
    reason: 'left',
  });
});

test('what a worker logs keeps its level and its fields, and alerts are lines', async (t) => {
  const code = `
import procguard
@procguard.handler
def tell():
    procguard.log.warn("hot", degrees=90)
procguard.serve()`;
  const { pool, lines } = startLogging(t, { args: ['-c', code] });
  await pool.call('tell');
  const hot = await until(() => lines.find(({ msg }) => msg === 'hot'), 'the line');
  t.like(hot, { level: levels.warn, source: 'log', fields: { degrees: 90 }, reason: 'output' });

  const failing = startLogging(t, { args: ['-c', 'raise SystemExit(3)'], restart: { maxFailedStarts: 1 } });
  await t.throwsAsync(failing.pool.ready());
  t.like(failing.lines.find(({ code }) => code === 'slot_failed')!, {
    level: levels.error,
    reason: 'slot_failed',
    slot: 0,
  });
});

test('the line of an alert about a worker has its number and pid', async (t) => {
  const { pool, lines } = startLogging(t, { cancelGraceMs: 100 });
  const pid = await pool.call<number>('pid');
  await t.throwsAsync(pool.call('ignore_cancel', ['/nowhere/at/all'], { timeoutMs: 200 }));
  const alert = await until(() => lines.find(({ code }) => code === 'worker_unresponsive'), 'the line');
  t.like(alert, { pool: 'logging', worker: 1, pid, slot: 0, reason: 'worker_unresponsive' });
});

test('onOutput takes what workers print away from the log', async (t) => {
  const printed: string[] = [];
  const { pool, lines } = startLogging(t, { onOutput: ({ line }: { line: string }) => printed.push(line) });
  await pool.call('shout', ['hello']);
  await until(() => (printed.includes('hello') ? true : undefined), 'the line');
  t.false(lines.some(({ reason }) => reason === 'output'));
});

test('a logger without a method is refused', (t) => {
  t.throws(() => new Pool({ command: 'python3', logger: { info: () => {} } as never }), {
    code: 'ERR_PROCGUARD_INVALID_OPTION',
    message: /`logger`.*`debug`, `info`, `warn` and `error`/,
  });
});

test('NODE_DEBUG=procguard writes every event to stderr', async (t) => {
  const code = `
    import { Pool } from '${new URL('../../lib/index.js', import.meta.url).href}';
    const pool = new Pool({ ...${JSON.stringify(plainWorker)}, size: 1 });
    await pool.call('fail', ['no']).catch(() => {});
    await pool.close();`;
  const run = (NODE_DEBUG: string) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: { ...process.env, NODE_DEBUG },
    });
  const { stderr } = await run('procguard');
  const names = [
    'keeper:start',
    'worker:start',
    'worker:ready',
    'request:submit',
    'request:end',
    'worker:exit',
  ];
  for (const name of names) t.regex(stderr, new RegExp(`^PROCGUARD \\d+: \\S+ procguard:${name} \\{"`, 'm'));
  t.regex(stderr, /request:end .*"error":"WorkerError: fail: ValueError: no"/);
  t.is((await run('')).stderr, '');
});
