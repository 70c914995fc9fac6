import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ROOT } from './fixtures.js';

/** A user and group that own nothing. */
export const NOBODY = { uid: 65_534, gid: 65_534 };

/** Whether tests may become another user, who can also read this package. */
export const canBecomeNobody = process.getuid?.() === 0 && [ROOT, process.execPath].every(isReachable);

function isReachable(path: string): boolean {
  const reachable = (statSync(path).mode & 0o005) === 0o005;
  return reachable && (dirname(path) === path || isReachable(dirname(path)));
}
