import { existsSync } from 'node:fs';
import path from 'node:path';
import { errnoName, ProcguardError } from '../errors.js';
import { addon, keeperProgram } from '../guard/binding.js';
import { checkPlatform } from './platform.js';
import run from './run.cjs';

/** Says why `run`, called as it should be, has not replaced this process. Always throws. */
export function refuseRun(): never {
  checkPlatform();
  addon();
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
