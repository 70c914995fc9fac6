import { capabilities } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { type Outcome, runKill } from './kill.js';
import { makePlan, type Plan } from './plan.js';
import { findKeepers, removeCgroups } from './survivors.js';

export interface SoakOptions {
  kills: number;
  seed: number;
  /** How many hosts there are at the same time. */
  lanes: number;
  onOutcome?: (outcome: Outcome) => void;
}

/** The tree modes that this machine has, which the kills take turns with. */
export function availableTrees(): Plan['tree'][] {
  return capabilities().tree === 'cgroup' ? ['cgroup', 'mark'] : ['mark'];
}

/** Kills so many hosts at random moments, and returns what came of each. */
export async function soak({ kills, seed, lanes, onOutcome }: SoakOptions): Promise<Outcome[]> {
  const trees = availableTrees();
  const outcomes: Outcome[] = [];
  let next = 0;
  const lane = async () => {
    while (next < kills) {
      const outcome = await runKill(makePlan(seed, next++, trees));
      outcomes.push(outcome);
      onOutcome?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return outcomes;
}

/** What is left of the soak's hosts besides processes of their trees. */
export interface Leftovers {
  /** Keepers that do not end. */
  keepers: string[];
  /** Cgroups whose keeper can't have removed them. They are removed now. */
  cgroups: string[];
}

export async function findLeftovers(outcomes: readonly Outcome[]): Promise<Leftovers> {
  const hosts = new Set(outcomes.map(({ hostPid }) => hostPid));
  let keepers: string[] = [];
  await until(() => {
    keepers = findKeepers(hosts);
    return keepers.length === 0 ? true : undefined;
  }, 'keepers to end').catch(() => {});
  return { keepers, cgroups: removeCgroups(hosts) };
}
