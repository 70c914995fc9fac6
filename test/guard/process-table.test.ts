import { spawn } from 'node:child_process';
import test from 'ava';
import { readProcessTable } from '../../lib/guard/process-table.js';

test('all who ask during a look share the next one, which sees what has started meanwhile', async (t) => {
  const underway = readProcessTable();
  // A microtask later it has begun.
  await Promise.resolve();
  const child = spawn('sleep', ['60']);
  t.teardown(() => child.kill('SIGKILL'));
  const [one, other] = await Promise.all([readProcessTable(), readProcessTable()]);
  t.is(one, other);
  t.not(one, await underway);
  t.true(one.has(child.pid!));
});

test('a look that is over is not used again', async (t) => {
  const over = await readProcessTable();
  t.not(await readProcessTable(), over);
});
