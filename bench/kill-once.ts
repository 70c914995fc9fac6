import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { Crowd } from './crowd.js';
import { within } from './deadline.js';
import { startHost } from './host-process.js';
import type { HostTraces } from './host-traces.js';
import type { Brand } from './survivors.js';

/** What a host is told. */
export interface HostPlan {
  children: number;
  command: string;
  args: string[];
  guarded: boolean;
}

/** What a host answers when it has started its children. */
export interface HostStarted {
  /** What `guardOf` says of them: all that occur. */
  trees: string[];
  traces: HostTraces;
}

export type Mode = 'cgroup' | 'mark';

/** Milliseconds from the host's SIGKILL. */
export interface Deaths {
  /** The mode that it was, as the host saw it. */
  tree: string;
  hostMs: number;
  childrenMs: number;
  grandchildrenMs: number;
}

const READY_LIMIT_MS = 60_000;
const DEATH_LIMIT_MS = 10_000;

/** Starts a host with its children, kills it, and waits for all to be dead; undefined if they are not in time. */
export async function killOnce(plan: HostPlan, mode: Mode, brand: Brand): Promise<Deaths | undefined> {
  const { host, tree, children, grandchildren } = await start(plan, mode, brand);
  const exited = once(host, 'exit').then(() => performance.now());
  const killedAt = performance.now();
  host.kill('SIGKILL');
  const deaths = await within(DEATH_LIMIT_MS, Promise.all([exited, children.gone, grandchildren.gone]));
  if (deaths === undefined) return undefined;
  const [hostMs, childrenMs, grandchildrenMs] = deaths.map((at) => at - killedAt) as [number, number, number];
  return { tree, hostMs, childrenMs, grandchildrenMs };
}

/** The negative control: how many children and grandchildren outlive a host that has its guard off. */
export async function countUnguarded(plan: HostPlan, mode: Mode, brand: Brand): Promise<[number, number]> {
  const { host, children, grandchildren } = await start({ ...plan, guarded: false }, mode, brand);
  const exited = once(host, 'exit');
  host.kill('SIGKILL');
  await exited;
  const answers = [children.dismiss(plan.children), grandchildren.dismiss(plan.children)] as const;
  const survived = await within(DEATH_LIMIT_MS, Promise.all(answers));
  await within(DEATH_LIMIT_MS, Promise.all([children.gone, grandchildren.gone]));
  return survived ?? [0, 0];
}

async function start(plan: HostPlan, mode: Mode, brand: Brand) {
  const disabled = [process.env.PROCGUARD_DISABLE, mode === 'mark' && 'cgroup'].filter(Boolean).join(',');
  const env = brand.environment({ PROCGUARD_DISABLE: disabled });
  const host = startHost('kill-host', plan, { stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe'], env });

  const children = new Crowd(host.stdio[3] as Duplex);
  const grandchildren = new Crowd(host.stdio[4] as Duplex);
  const answer = once(createInterface(host.stdout as NodeJS.ReadableStream), 'line');
  const died = once(host, 'exit').then(() => undefined);
  const line = await within(READY_LIMIT_MS, Promise.race([answer, died]));
  const counts = await within(
    READY_LIMIT_MS,
    Promise.all([children.lines(plan.children), grandchildren.lines(plan.children)]),
  );
  if (line === undefined || counts?.some((count) => count < plan.children) !== false) {
    host.kill('SIGKILL');
    throw new Error(
      `A host did not start its ${plan.children} children: ${plan.command} ${plan.args.join(' ')}`,
    );
  }
  const { trees, traces }: HostStarted = JSON.parse(line[0]);
  brand.addHost(traces);
  return { host, tree: trees.join(' and '), children, grandchildren };
}
