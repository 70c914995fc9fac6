import type { Downgrade } from './guarantees.js';
import type { GuardRecord } from './handle.js';

/** Why the keeper hasn't a child in its registry; `but`: how it finds it all the same. */
export function unregistered({ isEarly }: GuardRecord, but: string): Downgrade {
  if (!isEarly) {
    return {
      code: 'registry_full',
      message: `More children run than the keeper has room for; ${but}.`,
      remedy: 'Run fewer than 32767 children in one host.',
    };
  }
  return {
    code: 'registry_missing',
    message: `The child was started before the registry of the keeper could be made; ${but}.`,
    remedy:
      'Raise the limits of open files and of threads (ulimit -n, ulimit -u) for the host, and start the child again.',
  };
}
