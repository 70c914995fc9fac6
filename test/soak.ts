// npm run soak -- [--kills 2000] [--seed n] [--lanes 2]
//
// Kills hosts at random moments and looks for anything that outlives them. Exits with 1 if something does.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { describeFailures, describeOutcomes } from './soak/report.js';
import { findLeftovers, soak } from './soak/run.js';

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  const { kills, seed, lanes } = options;
  console.log(`${kills} kills, ${lanes} at a time, seed ${seed} (repeat with --seed ${seed})`);
  const started = performance.now();
  let done = 0;
  const outcomes = await soak({
    ...options,
    onOutcome: (outcome) => {
      for (const failure of describeFailures([outcome])) console.error(failure);
      if (++done % Math.ceil(kills / 10) === 0 && done < kills) console.log(`  ${done} kills`);
    },
  });
  const { keepers, cgroups } = await findLeftovers(outcomes);
  const failures = describeFailures(outcomes);
  const unguarded = outcomes.filter(({ allGoneMs, keeperKilled }) => allGoneMs === undefined && keeperKilled);

  console.log(`\n${describeOutcomes(outcomes)}\n`);
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);
  console.log(`kills that left a child, or a descendant although the keeper was alive: ${failures.length}`);
  console.log(
    `kills that left a descendant because the keeper was killed too, for a sweep to find: ${unguarded.length}`,
  );
  console.log(`empty cgroups whose keeper was killed, or not there yet: ${cgroups.length}, removed now`);
  console.log(`keepers that did not end: ${keepers.length}`);
  for (const keeper of keepers) console.error(keeper);
  return failures.length + keepers.length === 0 ? 0 : 1;
}

function readOptions(): { kills: number; seed: number; lanes: number } {
  const { values } = parseArgs({
    options: { kills: { type: 'string' }, seed: { type: 'string' }, lanes: { type: 'string' } },
  });
  const number = (name: keyof typeof values, otherwise: number) => {
    const value = values[name] === undefined ? otherwise : Number(values[name]);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number above 0`);
    return value;
  };
  return {
    kills: number('kills', 2000),
    seed: number('seed', 1 + Math.floor(Math.random() * 1e9)),
    lanes: number('lanes', availableParallelism()),
  };
}
