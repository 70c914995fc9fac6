import { existsSync } from 'node:fs';
import path from 'node:path';
import { errnoName, ProcguardError } from '../errors.js';
import { keeperProgram } from '../guard/binding.js';
import run from './run.cjs';

/** Says why `run` on Linux, called as it should be, has not replaced this process. Always throws. */
export function refuseRun(): never {
  const program = path.join(path.dirname(keeperProgram()), 'procguard-run');
  if (!existsSync(program)) {
    throw new ProcguardError(
      'ERR_PROCGUARD_ADDON_UNAVAILABLE',
      `${program} is missing. Build it: npm rebuild procguard.`,
    );
  }
  const { errno } = run.failure;
  throw new ProcguardError(
    'ERR_PROCGUARD_SYSTEM',
    `${program} can't be executed (${errnoName(errno)}). Is its file system mounted with noexec?`,
    { errno, syscall: 'execve' },
  );
}
