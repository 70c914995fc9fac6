import test from 'ava';
import { until } from '../helpers/deadline.js';
import { fixture, startPool } from './pools.js';

/** Nothing of this process runs for so long. */
const stall = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test.serial('a host that stood still does not blame a worker that said hello meanwhile', async (t) => {
  const text = `import runpy, time
time.sleep(0.5)
runpy.run_path(${JSON.stringify(fixture('worker.py'))}, run_name="__main__")`;
  const { pool } = startPool(t, { args: ['-c', text], startTimeoutMs: 2000 });
  await until(() => pool.stats().workers[0]?.pid, 'the start of the worker');
  // After this phase of the loop its timers come first.
  await new Promise((resolve) => setImmediate(resolve));
  stall(2500);
  await pool.ready();
  t.is(pool.stats().workers[0]?.restarts, 0);
});

test.serial(
  'a host that stood still does not blame a worker that answered a cancellation meanwhile',
  async (t) => {
    const { pool, line } = startPool(t, { cancelGraceMs: 200 });
    const before = await pool.call('pid');
    const controller = new AbortController();
    const cancelled = pool.call('wait_for', ['/nonexistent'], { signal: controller.signal });
    await line(/^waiting$/);
    controller.abort();
    const rejected = t.throwsAsync(cancelled, { any: true });
    stall(1000);
    await rejected;
    t.is(await pool.call('pid'), before);
  },
);
