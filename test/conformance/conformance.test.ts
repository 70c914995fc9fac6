import { availableParallelism } from 'node:os';
import test from 'ava';
import { type Batch, type Outcome, runBatch } from './batch.js';
import { findNodes } from './nodes.js';
import { type Implementation, type Scenario, scenarioOf } from './scenario.js';
import { subjects } from './subjects.js';

const { nodes, absent } = findNodes();
const isRoot = process.getuid?.() === 0;
let running = 0;
const waiting: (() => void)[] = [];

test('every Node version that the suite is written for is installed', (t) => {
  for (const major of absent) {
    t.log(`Node ${major} is absent; install it with: npm ci --prefix test/nodes`);
  }
  if (process.env.TEST_EVERYTHING === '1') t.deepEqual(absent, []);
  else t.pass();
});

for (const [subjectName, subject] of Object.entries(subjects)) {
  const names = Object.keys(subject).filter((name) => isRoot || !scenarioOf(subject, name).needsRoot);
  const batches = nodes.flatMap((node) =>
    (['node', 'procguard', 'register'] as const).map((implementation) => {
      const runnable = names.filter((name) => canRun(implementation, scenarioOf(subject, name)));
      return {
        node,
        implementation,
        outcomes: enqueue({ node, implementation, subjectName, names: runnable }),
      };
    }),
  );

  for (const name of Object.keys(subject)) {
    const scenario = scenarioOf(subject, name);
    test(`${subjectName}: ${name}`, async (t) => {
      if (!names.includes(name)) {
        t.log('skipped: needs root');
        return t.pass();
      }
      const expected: Record<string, Outcome | undefined> = {};
      const actual: Record<string, Outcome | undefined> = {};
      for (const { node, implementation, outcomes } of batches) {
        const outcome = (await outcomes).get(name);
        if (implementation === 'node') {
          t.false(
            failed(outcome),
            `the scenario itself fails on Node ${node.major}: ${JSON.stringify(outcome)}`,
          );
          if (canRun('procguard', scenario)) expected[`procguard on Node ${node.major}`] = outcome;
          expected[`register on Node ${node.major}`] = outcome;
        } else if (canRun(implementation, scenario)) {
          actual[`${implementation} on Node ${node.major}`] = outcome;
        }
      }
      if (scenario.differs === undefined) {
        t.deepEqual(actual, expected);
      } else {
        t.log(`known difference: ${scenario.differs}`);
        t.notDeepEqual(actual, expected, 'the known difference is gone: compare from now on');
      }
    });
  }
}

function canRun(implementation: Implementation, { registerOnly }: Scenario) {
  return implementation !== 'procguard' || !registerOnly;
}

function failed(outcome: Outcome | undefined) {
  const { transcript } = outcome ?? {};
  return transcript === undefined || 'runner' in (transcript as object);
}

/** Runs a batch when one of a few places is free. */
async function enqueue(batch: Batch) {
  if (running >= availableParallelism()) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await runBatch(batch);
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
