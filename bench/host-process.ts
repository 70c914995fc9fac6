import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts `dist/bench/<name>.js` in a fresh process, with `plan` as its one argument. */
export function startHost(
  name: string,
  plan: object,
  stdio: StdioOptions,
  env: NodeJS.ProcessEnv,
): ChildProcess {
  const script = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  return spawn(process.execPath, [script, JSON.stringify(plan)], { stdio, env });
}
