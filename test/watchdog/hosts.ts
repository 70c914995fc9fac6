import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { within } from '../helpers/deadline.js';
import { fixture, ROOT } from '../helpers/fixtures.js';
import type { Life, Lifelines } from '../helpers/lifelines.js';

/** The shells of this machine that the script runs in. */
export const shells: readonly (readonly string[])[] = [['dash'], ['bash'], ['busybox', 'sh']];

export interface Dog {
  shell: readonly string[];
  /** `ignore`: no pipe from the host. */
  stdin?: 'pipe' | 'ignore';
  env?: Record<string, string>;
  /** It is not told of the worker's end. */
  isMute?: boolean;
}

export interface Wanted {
  name: string;
  /** What the worker does: see test/fixtures/life.c. */
  words?: string[];
  command?: string;
  detached?: boolean;
  dog?: Dog;
}

export interface WatchedHost {
  process: ChildProcess;
  /** In the order in which they were wanted. */
  workers: Life[];
  dogs: number[];
  /** When it was sent, on the clock of `performance.now()`. */
  kill(): number;
}

/** A host whose workers are `life` processes. What it starts ends with the test. */
export async function startHost(
  t: ExecutionContext,
  lifelines: Lifelines,
  ...wanted: Wanted[]
): Promise<WatchedHost> {
  const plan = wanted.map(({ name, words = [], command = lifelines.program, ...rest }) => ({
    ...rest,
    command,
    args: lifelines.arguments(name, ...words),
  }));
  const host = spawn(process.execPath, [fixture('watched-host.mjs'), JSON.stringify(plan)], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(host, 'exit');
  t.teardown(async () => {
    host.kill('SIGKILL');
    await ended;
  });
  const lines = createInterface(host.stdout!);
  const [line] = (await within(once(lines, 'line'), 'the host to have started its workers')) as [string];
  const started = JSON.parse(line) as { worker: number; dog?: number }[];
  const workers = await lifelines.takeAll(wanted.map(({ name }) => name));
  const dogs = started.flatMap(({ dog }) => dog ?? []);
  const kill = () => {
    const atMs = performance.now();
    host.kill('SIGKILL');
    return atMs;
  };
  return { process: host, workers, dogs, kill };
}
