import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Starts `dist/bench/<name>.js` in a fresh process, with `plan` as its one argument; on one `cpu` if told. */
export function startHost(
  name: string,
  plan: object,
  stdio: StdioOptions,
  env: NodeJS.ProcessEnv,
  cpu?: number,
): ChildProcess {
  const script = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const args = [script, JSON.stringify(plan)];
  return cpu === undefined
    ? spawn(process.execPath, args, { stdio, env })
    : spawn('taskset', ['-c', String(cpu), process.execPath, ...args], { stdio, env });
}

/** A CPU that processes can be bound to; undefined where that can't be done. */
export function findCpu(): number | undefined {
  if (process.platform !== 'linux' || spawnSync('taskset', ['-V']).status !== 0) return undefined;
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return allowed === null ? undefined : Number(allowed[1]);
}
