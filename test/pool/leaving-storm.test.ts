import test from 'ava';
import { within } from '../helpers/deadline.js';
import { ascending, node, numbers, startNoting } from './noting.js';

for (const mode of ['serial', 'async', 'threads', 'node']) {
  // One at a time: each has ten workers, and thirty more in place of those.
  test.serial(`a storm of SIGTERMs loses no call, and none runs twice: ${mode}`, async (t) => {
    const noting = startNoting(
      t,
      { MODE: mode },
      { ...(mode === 'node' ? node : {}), size: 10, concurrency: 4 },
    );
    const { pool, run, begun } = noting;
    await pool.ready();
    const count = 200;
    let isOver = false;
    const answers = Promise.all(
      numbers(count).map((number) => run(number, 0.02 + Math.random() * 0.1)),
    ).finally(() => {
      isOver = true;
    });
    let signals = 0;
    const signaled = new Set<number>();
    for (let slot = 0; !isOver && signals < 30; slot = (slot + 1) % 10) {
      const worker = pool.stats().workers[slot]!;
      if (worker.state === 'ready' && !signaled.has(worker.pid!)) {
        signaled.add(worker.pid!);
        process.kill(worker.pid!, 'SIGTERM');
        signals++;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    }
    t.deepEqual(await within(answers, 'the answers'), numbers(count));
    t.deepEqual(ascending(begun()), numbers(count));
    t.true(signals >= 5, `${signals} signals`);
    t.is(pool.stats().rejected, 0);
  });
}
