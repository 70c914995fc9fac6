import { spawn } from 'node:child_process';
import test from 'ava';
import { readProcessTable } from '../../lib/guard/process-table.js';
import { sampleProcesses } from '../../lib/health/sample.js';
import { killTree } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { takeThreadPool } from '../helpers/thread-pool.js';

test('while no thread of the pool is free, looks at processes say so in time, and succeed afterwards', async (t) => {
  const child = spawn('sleep', ['60']);
  t.teardown(() => child.kill('SIGKILL'));
  const letGo = takeThreadPool();
  t.teardown(letGo);
  const looks = [
    readProcessTable(),
    sampleProcesses([], { trees: true }),
    sampleProcesses([], { trees: false }),
    killTree(child),
  ];
  for (const look of looks) {
    const error = await t.throwsAsync(within(look as Promise<unknown>, 'the look to be given up'));
    t.like(error, { code: 'ERR_PROCGUARD_SYSTEM', errno: undefined });
    t.regex(error!.message, /UV_THREADPOOL_SIZE/);
  }
  await letGo();
  t.true((await within(readProcessTable(), 'a look')).has(child.pid!));
  t.like(await within(killTree(child), 'the end of the child'), { survivors: [] });
});
