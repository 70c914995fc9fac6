import test from 'ava';
import { guardOf } from '../../lib/index.js';
import { LINK } from '../helpers/host.js';
import { startPool } from './pools.js';

test('a pool says how far it is on its way to the end', async (t) => {
  const { pool } = startPool(t);
  await pool.ready();
  t.is(pool.stats().stage, 'open');
  const called = pool.call('mostly_quick', [0.1]);
  const closed = pool.close();
  t.is(pool.stats().stage, 'draining');
  await Promise.all([called, closed]);
  t.is(pool.stats().stage, 'closed');
});

test('a worker in sight has its request, its handlers and its stderr, and a child for guardOf', async (t) => {
  const { pool, line } = startPool(t, { concurrency: 2 });
  await pool.ready();
  const cancel = new AbortController();
  const { signal } = cancel;
  const called = [pool.call('wait_for', ['/nowhere/1'], { signal }), pool.call('echo', [1], { signal })];
  await line(/waiting/);
  const { worker, pid, request } = pool.stats().workers[0]!;
  t.is(request!.method, 'wait_for');
  const view = pool.inspect(0)!;
  t.is(view.worker, worker!);
  t.is(view.reason, 'new');
  t.is(view.child!.pid, pid!);
  t.is(guardOf(view.child!).link, LINK);
  t.deepEqual(
    view.requests.map(({ method }) => method),
    ['wait_for', 'echo'],
  );
  t.deepEqual(view.stderr, ['waiting']);
  t.true(view.handlers.includes('echo'));
  t.regex((await pool.stacks(0))!, /in wait_for/);
  cancel.abort();
  await Promise.allSettled(called);
});

test('a slot without a worker has nothing to look into', async (t) => {
  const { pool } = startPool(t);
  await pool.close();
  for (const slot of [0, 1, -1]) {
    t.is(pool.inspect(slot), undefined);
    t.is(await pool.stacks(slot), undefined);
  }
});
