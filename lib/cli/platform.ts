import { ProcguardError } from '../errors.js';
import { isGuardedPlatform } from '../guard/binding.js';

/** Throws `ERR_PROCGUARD_PLATFORM_UNSUPPORTED` where there is no guard. */
export function checkPlatform(): void {
  if (isGuardedPlatform) return;
  throw new ProcguardError(
    'ERR_PROCGUARD_PLATFORM_UNSUPPORTED',
    `procguard has no guard for ${process.platform} yet. Run on Linux, macOS or Windows.`,
  );
}
