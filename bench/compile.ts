import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The bench's own folder in the sources: compiled files run from dist/bench, C and Python programs stay here. */
export const SOURCES = fileURLToPath(new URL('../../bench/', import.meta.url));

/** Compiles `bench/<name>.c`, hands the program's path to `use`, and removes it afterwards. */
export async function withProgram<T>(name: string, use: (program: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'procguard-bench-'));
  try {
    const program = join(folder, basename(name));
    compile(join(SOURCES, `${name}.c`), program);
    return await use(program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compile(source: string, program: string): void {
  try {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source], { stdio: 'inherit' });
  } catch (cause) {
    throw new Error(`Could not compile ${source}: the bench needs a C compiler named cc on the PATH`, {
      cause,
    });
  }
}
