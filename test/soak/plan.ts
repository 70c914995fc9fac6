import { makeRandom } from '../helpers/random.js';

/** When the host is killed: while it starts, before it spawns, while it does, or when all its trees are there. */
export const PHASES = ['starting', 'before', 'during', 'after'] as const;

/** One kill of the soak, decided in advance. */
export interface Plan {
  index: number;
  phase: (typeof PHASES)[number];
  thread: 'main' | 'worker';
  tree: 'cgroup' | 'mark';
  guard: boolean;
  /** The keeper is killed this many milliseconds before the host. */
  keeperFirstMs: number | undefined;
  children: number;
  /** The descendants that each child starts. */
  descendants: string[];
  /** From what the phase waits for to the kill. */
  delayMs: number;
}

/** The plan of kill number `index`. The same seed gives the same plans. */
export function makePlan(seed: number, index: number, trees: readonly Plan['tree'][]): Plan {
  const random = makeRandom(seed + index * 0x9e3779b9);
  // The first numbers of neighboring seeds are alike.
  for (let skipped = 0; skipped < 4; skipped++) random();
  const phase = pick(random, ['starting', 'before', 'during', 'during', 'during', 'after', 'after'] as const);
  const longestMs = { starting: 80, before: 2, during: 20, after: 3 }[phase];
  return {
    index,
    phase,
    thread: pick(random, ['main', 'worker'] as const),
    tree: trees[index % trees.length]!,
    guard: true,
    keeperFirstMs: phase !== 'starting' && random() < 0.3 ? Math.max(0, random() * 4 - 2) : undefined,
    children: 1 + Math.floor(random() * 8),
    descendants: ['plain', 'setsid', 'double'].filter(() => random() < 0.6),
    delayMs: random() * longestMs,
  };
}

function pick<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}
