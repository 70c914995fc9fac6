import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { ROOT } from '../helpers/fixtures.js';

export const BIN = join(ROOT, 'bin/procguard.cjs');

/** Runs `procguard` with these arguments to its end, its output captured. */
export async function procguard(args: readonly string[], options: Options = {}) {
  const result = await execa(process.execPath, [BIN, ...args], {
    reject: false,
    timeout: 60_000,
    ...options,
  });
  const { exitCode, signal, stdout, stderr } = result;
  return { exitCode, signal, stdout: String(stdout), stderr: String(stderr) };
}

/** The command line of `procguard run`, to be started by whoever is to be its parent. */
export function runCommand(options: readonly string[], command: readonly string[]): string[] {
  return [process.execPath, BIN, 'run', ...options, '--', ...command];
}
