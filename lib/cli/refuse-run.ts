import { existsSync } from 'node:fs';
import path from 'node:path';
import { ProcguardError } from '../errors.js';
import { addon, keeperProgram } from '../guard/binding.js';
import { checkPlatform } from './platform.js';

/** Says why `run`, called as it should be, has not replaced this process. Always throws. */
export function refuseRun(): never {
  checkPlatform();
  addon();
  const program = path.join(path.dirname(keeperProgram()), 'procguard-run');
  const why = existsSync(program)
    ? 'may not be executed: is its file system mounted with noexec?'
    : 'is missing. Build it: npm rebuild procguard.';
  throw new ProcguardError('ERR_PROCGUARD_ADDON_UNAVAILABLE', `${program} ${why}`);
}
