import { ProcguardError } from '../errors.js';
import { hasJobs, isGuardedPlatform } from '../guard/binding.js';

/** Throws `ERR_PROCGUARD_PLATFORM_UNSUPPORTED` where there is no guard. */
export function checkPlatform(): void {
  if (isGuardedPlatform) return;
  throw new ProcguardError(
    'ERR_PROCGUARD_PLATFORM_UNSUPPORTED',
    `procguard has no guard for ${process.platform} yet. Run on Linux, macOS or Windows.`,
  );
}

/** Throws `ERR_PROCGUARD_PLATFORM_UNSUPPORTED` where nobody but a host itself can tell what it guards. */
export function checkHostsAreVisible(): void {
  checkPlatform();
  if (!hasJobs) return;
  throw new ProcguardError(
    'ERR_PROCGUARD_PLATFORM_UNSUPPORTED',
    "Windows shows a job to nobody but the host that holds it, so that hosts can't be listed. Ask the host itself, by guardOf(), pool.stats() or the page of procguard/admin.",
  );
}
