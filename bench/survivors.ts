import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostTraces } from './host-traces.js';

const VARIABLE = 'BENCH_RUN_OF_PROCGUARD';
const PATIENCE_MS = 3000;
const LOOK_EVERY_MS = 25;

export interface Leftovers {
  pids: number[];
  cgroups: string[];
}

/** Knows every process that one run of a bench started, by an environment variable that they all inherit. */
export class Brand {
  readonly #entry = `${VARIABLE}=${randomUUID()}`;
  readonly #identities = new Set<string>();
  readonly #cgroups = new Set<string>();

  /** The environment for a host process of this run. */
  environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const [name, value] = this.#entry.split('=') as [string, string];
    return { ...process.env, ...extra, [name]: value };
  }

  /** Makes the host's keeper and cgroup known as well: a keeper does not inherit the environment. */
  addHost({ identity, cgroup }: HostTraces): void {
    this.#identities.add(identity);
    if (cgroup !== undefined) this.#cgroups.add(cgroup);
  }

  /**
   * Waits a while for all processes of this run to be gone, then kills those that are not, and says what was left.
   * They are no children of this process, so there is nothing to wait on but the process table.
   */
  async endSurvivors(): Promise<Leftovers> {
    const deadline = performance.now() + PATIENCE_MS;
    while (this.#find().length > 0 && performance.now() < deadline) await sleep(LOOK_EVERY_MS);
    const pids = this.#find();
    for (const pid of pids) killIfThere(pid);
    return { pids, cgroups: [...this.#cgroups].filter((path) => existsSync(path)) };
  }

  #find(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => pid > 1 && (this.#isBranded(pid) || this.#isKeeper(pid)));
  }

  #isBranded(pid: number): boolean {
    return readList(`/proc/${pid}/environ`).includes(this.#entry);
  }

  #isKeeper(pid: number): boolean {
    const [program, identity] = readList(`/proc/${pid}/cmdline`);
    return program === 'procguard-keeper' && this.#identities.has(identity ?? '');
  }
}

function readList(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\0');
  } catch {
    return [];
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
