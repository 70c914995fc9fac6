import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts `dist/bench/<name>.js` in a fresh process, with `plan` as its one argument. `flags` are Node's own. */
export function startHost(
  name: string,
  plan: object,
  stdio: StdioOptions,
  env: NodeJS.ProcessEnv,
  flags: string[] = [],
): ChildProcess {
  const script = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  return spawn(process.execPath, [...flags, script, JSON.stringify(plan)], { stdio, env });
}
