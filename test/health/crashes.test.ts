import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { nowMs } from '../../lib/clock.js';
import type { ProcguardError } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { fixture, startPool, temporaryFolder } from '../pool/pools.js';

test('R10.2 a slot whose workers fail to start three times in a row is failed, says why, and can be revived', async (t) => {
  const gate = join(temporaryFolder(t), 'gate');
  const text = `import os, runpy, sys
print("starts", flush=True)
if not os.path.exists(${JSON.stringify(gate)}): sys.exit("no model file")
runpy.run_path(${JSON.stringify(fixture('worker.py'))}, run_name="__main__")`;
  const { pool, lines } = startPool(t, { args: ['-c', text], name: 'failing' });
  const starts = () => lines.filter(({ line }) => line === 'starts').length;
  const waiting = pool.call('pid');
  const error = (await t.throwsAsync(waiting, { code: 'ERR_PROCGUARD_POOL_FAILED' })) as ProcguardError;
  t.regex(error.message, /no model file/);
  t.is(starts(), 3);
  t.like(pool.stats(), { failed: 1, ready: 0, size: 1 });
  const [worker] = pool.stats().workers;
  t.like(worker, { state: 'failed', pid: undefined, verdict: undefined, restarts: 2 });
  t.is(worker!.error?.code, 'ERR_PROCGUARD_START_FAILED');
  t.regex(worker!.error!.message, /exited with code 1[\s\S]*no model file/);
  const [alert] = pool.alerts();
  t.like(alert, { code: 'slot_failed', severity: 'critical', pool: 'failing', slot: 0 });
  t.like(alert!.evidence, { starts: 3, error: worker!.error });
  await t.throwsAsync(pool.call('pid'), { code: 'ERR_PROCGUARD_POOL_FAILED' });

  // It has three tries again.
  pool.revive();
  await t.throwsAsync(pool.ready(), { code: 'ERR_PROCGUARD_POOL_FAILED' });
  t.is(starts(), 6);

  writeFileSync(gate, '');
  pool.revive();
  await pool.ready();
  t.is(await pool.call('pid'), pool.stats().workers[0]!.pid);
  t.like(pool.stats().workers[0], { state: 'ready', error: undefined });
  rmSync(gate);
});

test.serial(
  'R10.2 workers that crash again and again are started with pauses that double, cut off at random',
  async (t) => {
    const { random } = Math;
    let asked = 0;
    // The least of the jitter, so that the pauses are known.
    Math.random = () => {
      asked++;
      return 0.999;
    };
    t.teardown(() => {
      Math.random = random;
    });
    const text = `import os, sys
print("up", flush=True)
print("last words", file=sys.stderr, flush=True)
os.write(3, b'{"type":"hello","protocol":1,"sdk":"test","pid":1,"handlers":["x"]}\\n')
os.read(3, 100) # the welcome
os._exit(7)`;
    const startsMs: number[] = [];
    const { pool } = startPool(t, {
      args: ['-c', text],
      restart: { backoffMs: 50, maxBackoffMs: 400 },
      onOutput: ({ line }) => line === 'up' && startsMs.push(nowMs()),
    });
    await until(() => (startsMs.length >= 7 ? true : undefined), 'seven starts');
    const pauses = startsMs.slice(1).map((ms, index) => ms - startsMs[index]!);
    // The first crash may be a coincidence.
    for (const [index, leastMs] of [0, 50, 100, 200, 400, 400].entries())
      t.true(pauses[index]! >= 0.99 * leastMs, `pause ${index}: ${pauses[index]} ms`);
    t.true(asked >= 5);
    const alert = pool.alerts().find(({ code }) => code === 'crash_loop')!;
    t.like(alert, { severity: 'critical', slot: 0 });
    t.like(alert.evidence, { crashes: 3, hangs: 0, exitCode: 7, signal: null, stderr: ['last words'] });
    t.is(pool.alerts().filter(({ code }) => code === 'crash_loop').length, 1);
  },
);
