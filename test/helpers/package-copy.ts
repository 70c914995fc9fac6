import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './fixtures.js';

const NATIVE = ['procguard.node', 'procguard-keeper', 'procguard-run'];

/**
 * Copies the built package, and the fixtures, to a folder of its own, and returns that; whoever asks removes it. `native` has
 * other files than those of this machine's build, by the names that they get.
 */
export async function copyPackage(native: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'procguard-'));
  for (const part of ['dist/lib', 'bin', 'test/fixtures']) {
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await mkdir(join(folder, 'build/Release'), { recursive: true });
  for (const name of NATIVE) {
    const source = native[name] ?? join(ROOT, 'build/Release', name);
    // macOS has no procguard-run.
    if (!existsSync(source)) continue;
    await copyFile(source, join(folder, 'build/Release', name));
  }
  return folder;
}
