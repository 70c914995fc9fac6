import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface HostOptions {
  stdio: StdioOptions;
  env: NodeJS.ProcessEnv;
  /** Node's own. */
  flags?: string[];
  /** The one CPU that it and its children have. */
  cpu?: number | undefined;
}

/** Starts `dist/bench/<name>.js` in a fresh process, with `plan` as its one argument. */
export function startHost(
  name: string,
  plan: object,
  { stdio, env, flags = [], cpu }: HostOptions,
): ChildProcess {
  const script = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const command = [process.execPath, ...flags, script, JSON.stringify(plan)];
  if (cpu !== undefined) command.unshift('taskset', '-c', String(cpu));
  return spawn(command[0] as string, command.slice(1), { stdio, env });
}

/** A CPU that processes can be bound to; undefined where that can't be done. */
export function findCpu(): number | undefined {
  if (process.platform !== 'linux' || spawnSync('taskset', ['-V']).status !== 0) return undefined;
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return allowed === null ? undefined : Number(allowed[1]);
}
