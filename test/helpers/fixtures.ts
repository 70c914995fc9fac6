import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own folder. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The path of a fixture program that runs as it is. */
export function fixture(name: string): string {
  return join(ROOT, 'test/fixtures', name);
}

/** The path of the program made from `test/fixtures/<name>.c`, which is compiled when it is new or has changed. */
export function compiledFixture(name: string): string {
  // There is no compiler there: scripts/test-windows.sh has made it.
  if (process.platform === 'win32') return join(ROOT, `dist/test/fixtures/${name}.exe`);
  const source = fixture(`${name}.c`);
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const folder = join(ROOT, 'dist/test/fixtures');
  const program = join(folder, `${name}-${digest}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  // Test files run at the same time: each compiles to a name of its own, and the rename is atomic.
  const unfinished = `${program}.${process.pid}`;
  try {
    execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', unfinished, source], {
      stdio: 'inherit',
    });
  } catch (cause) {
    throw new Error(`Could not compile ${source}: the tests need a C compiler named cc on the PATH`, {
      cause,
    });
  }
  renameSync(unfinished, program);
  return program;
}
