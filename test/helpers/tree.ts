import { Host, type StartOptions } from './host.js';
import type { Life, Lifelines } from './lifelines.js';

/** The kinds of processes in a test's tree: the direct child, then one descendant of each kind. */
export const LAYERS = ['child', 'plain', 'setsid', 'double'] as const;

/** How a host finds its trees, and the PROCGUARD_DISABLE that makes it so. */
export interface TreeMode {
  tree: 'cgroup' | 'mark' | 'job-object';
  disable: string | undefined;
}

/** The tree modes of this machine: `cgroup` only where a cgroup can be made. */
export async function treeModes(): Promise<TreeMode[]> {
  await using host = new Host();
  const { tree } = await host.ask<{ tree: string }>('capabilities');
  if (tree === 'job-object') return [{ tree, disable: undefined }];
  const modes: TreeMode[] = [{ tree: 'mark', disable: 'cgroup' }];
  if (tree === 'cgroup') modes.unshift({ tree: 'cgroup', disable: undefined });
  else console.warn(`This machine has no cgroup to use (tree: ${tree}): the cgroup mode is not tested`);
  return modes;
}

export interface TreeOptions extends StartOptions {
  /** Options for `spawn`, `guard` among them. */
  options?: object;
  /** What the processes of the tree do: see test/fixtures/life.c. */
  words?: string[];
  layers?: readonly string[];
}

/** Starts, in `host`, a child that has one descendant of each kind, and waits until all of them are there. */
export async function startTree(host: Host, lifelines: Lifelines, tree: TreeOptions = {}): Promise<Life[]> {
  const { options, words = [], layers = LAYERS, ...start } = tree;
  const [child, ...descendants] = layers;
  const args = lifelines.arguments(child!, ...descendants, ...words);
  await host.start([lifelines.program, args, { stdio: 'ignore', ...options }], start);
  return lifelines.takeAll(layers);
}

/** Resolves when every one of them is gone. */
export async function allGone(lives: readonly Life[]): Promise<void> {
  await Promise.all(lives.map((life) => life.gone()));
}

/** Resolves when every one of them has answered, which proves that they live. */
export async function allAnswer(lives: readonly Life[]): Promise<void> {
  await Promise.all(lives.map((life) => life.answers()));
}
