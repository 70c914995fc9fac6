import { randomUUID } from 'node:crypto';
import test from 'ava';
import { runChaos } from './chaos.js';

test('every call settles exactly once while workers are killed, restarted, and calls are cancelled', async (t) => {
  const seed = randomUUID();
  t.log(`seed ${seed}`);
  const report = await runChaos({ calls: 5000, seed });
  t.log(report);
  t.is(report.unsettled, 0);
  t.is(report.wrongAnswers, 0);
  const { answered = 0 } = report.outcomes;
  t.true(answered > 4000);
});
