import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../helpers/fixtures.js';

/** The folders of prebuilds/ that a release has, with the files in each. */
export const PREBUILDS: Record<string, readonly string[]> = {
  'linux-x64': ['procguard-keeper', 'procguard-run', 'procguard.glibc.node', 'procguard.musl.node'],
  'linux-arm64': ['procguard-keeper', 'procguard-run', 'procguard.glibc.node', 'procguard.musl.node'],
  ...(existsSync(join(ROOT, 'native/darwin')) && {
    'darwin-x64': ['procguard-keeper', 'procguard.node'],
    'darwin-arm64': ['procguard-keeper', 'procguard.node'],
  }),
  'win32-x64': ['procguard.node'],
  'win32-arm64': ['procguard.node'],
};

/** The package as `npm pack` has made it: scripts/test-prebuilds.sh says where it is. */
export function tarball(): string {
  const path = process.env.TEST_TARBALL;
  if (path === undefined) throw new Error('TEST_TARBALL is not set: run npm run test:prebuilds');
  return path;
}
