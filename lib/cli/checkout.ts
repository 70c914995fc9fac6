import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { hasJobs } from '../guard/binding.js';
import { exitCodes } from './exit-codes.js';
import { complain, printJson } from './output.js';

const pathOf = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** `procguard demo`. Resolves with its exit code: 1 means that something was not as promised. */
export async function demo({ json }: { json?: boolean }): Promise<number> {
  const file = pathOf('demo/main.js');
  if (!existsSync(file)) {
    complain(
      'The demo is not part of this installation. Install the package again, or run `npm run demo` in a checkout.',
    );
    return exitCodes.unavailable;
  }
  if (hasJobs) {
    complain(
      'The demo shows the process table of Linux. On Windows see docs/platforms.md for what is guarded.',
    );
    return exitCodes.unavailable;
  }
  // What it tells is for a person: with --json that goes to stderr.
  const exitCode = await runScript([file], json ? 2 : 'inherit');
  if (json) printJson({ kept: exitCode === 0, exitCode });
  return exitCode;
}

/** `procguard bench`: only a checkout has the benches, since they need a compiler and other packages. */
export async function bench(args: readonly string[]): Promise<number> {
  const file = pathOf('bench/run.js');
  if (!existsSync(file)) {
    complain(
      'The benches are not part of the package. Clone the repository, then: npm ci && npm run bench -- <name>',
    );
    return exitCodes.unavailable;
  }
  const exitCode = await runScript([file, ...args], 'inherit');
  return exitCode === 2 ? exitCodes.usage : exitCode;
}

async function runScript(args: readonly string[], stdout: 'inherit' | 2): Promise<number> {
  const child = spawn(process.execPath, args, { stdio: ['inherit', stdout, 'inherit'] });
  // A terminal sends its signals to both of us, and the script cleans up; whoever sends one to us alone means it too.
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  const ignore = () => {};
  process.on('SIGINT', ignore).on('SIGTERM', forward);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  process.off('SIGINT', ignore).off('SIGTERM', forward);
  return code ?? 128 + constants.signals[signal as NodeJS.Signals];
}
