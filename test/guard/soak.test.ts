import test from 'ava';
import { runKill } from '../soak/kill.js';
import { makePlan } from '../soak/plan.js';
import { describeFailures, describeOutcomes } from '../soak/report.js';
import { findLeftovers, soak } from '../soak/run.js';

test.serial('hosts that are killed at random moments leave nothing', async (t) => {
  const seed = 1 + Math.floor(Math.random() * 1e9);
  t.log(`seed ${seed}`);
  const outcomes = await soak({ kills: 40, seed, lanes: 1 });
  t.log(describeOutcomes(outcomes));
  t.deepEqual(describeFailures(outcomes), []);
  t.deepEqual((await findLeftovers(outcomes)).keepers, []);
});

test.serial('control: the soak notices what unguarded hosts leave, and ends it', async (t) => {
  const plan = {
    ...makePlan(1, 0, ['mark']),
    phase: 'after',
    guard: false,
    keeperFirstMs: undefined,
  } as const;
  const { childrenGoneMs, allGoneMs, survivors } = await runKill(
    { ...plan, children: 2, descendants: ['plain', 'setsid', 'double'] },
    200,
  );
  t.is(childrenGoneMs, undefined);
  t.is(allGoneMs, undefined);
  t.is(survivors.length, 8);
});
