import { copyFile, cp, mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './fixtures.js';

/** Copies the built package to a folder of its own, and returns that; whoever asks removes it. */
export async function copyPackage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'procguard-'));
  await cp(join(ROOT, 'dist/lib'), join(folder, 'dist/lib'), { recursive: true });
  await cp(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await mkdir(join(folder, 'build/Release'), { recursive: true });
  for (const name of ['procguard.node', 'procguard-keeper', 'procguard-run']) {
    await copyFile(join(ROOT, 'build/Release', name), join(folder, 'build/Release', name));
  }
  return folder;
}
