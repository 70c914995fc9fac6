import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const root = path.resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);

/** The package without its native part, or with `addon` in its place. */
async function packageWithout(t: { teardown(fn: () => unknown): void }, addon?: string): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'procguard-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await cp(path.join(root, 'dist/lib'), path.join(folder, 'dist/lib'), { recursive: true });
  await cp(path.join(root, 'package.json'), path.join(folder, 'package.json'));
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  if (addon !== undefined) {
    await mkdir(path.join(folder, 'build/Release'), { recursive: true });
    await writeFile(path.join(folder, 'build/Release/procguard.node'), addon);
  }
  return folder;
}

const report = `
  try { procguard.spawn('true'); console.log('started'); }
  catch (error) { console.log(JSON.stringify({ code: error.code, message: error.message, cause: !!error.cause })); }
`;

for (const [what, addon] of [
  ['missing', undefined],
  ['not loadable', 'this is no shared object'],
] as const) {
  test(`an addon that is ${what} is one clear error, thrown by the call and not by the import`, async (t) => {
    const folder = await packageWithout(t, addon);
    const file = path.join(folder, 'try.mjs');
    await writeFile(file, `import * as procguard from './dist/lib/index.js';${report}`);
    const { stdout } = await run(process.execPath, [file]);
    const error = JSON.parse(stdout);
    t.is(error.code, 'ERR_PROCGUARD_ADDON_UNAVAILABLE');
    t.true(error.cause);
    for (const part of ['prebuilds/linux-', 'build/Release', folder, 'npm rebuild procguard']) {
      t.true(error.message.includes(part), part);
    }
  });

  test(`an addon that is ${what} is what a pool's error says`, async (t) => {
    const folder = await packageWithout(t, addon);
    const file = path.join(folder, 'try.mjs');
    await writeFile(
      file,
      `import { Pool } from './dist/lib/index.js';
       const error = await new Pool({ command: 'python3' }).ready().catch((error) => error);
       console.log(JSON.stringify({ code: error.code, message: error.message, cause: error.cause.code }));`,
    );
    const { stdout } = await run(process.execPath, [file]);
    const error = JSON.parse(stdout);
    t.like(error, { code: 'ERR_PROCGUARD_POOL_FAILED', cause: 'ERR_PROCGUARD_ADDON_UNAVAILABLE' });
    for (const part of ["can't be loaded", folder, 'npm rebuild procguard']) {
      t.true(error.message.includes(part), part);
    }
    t.false(error.message.includes('python3'));
  });

  test(`procguard/register with an addon that is ${what} ends the program at its start`, async (t) => {
    const folder = await packageWithout(t, addon);
    const register = path.join(folder, 'dist/lib/register.js');
    const error = await t.throwsAsync(run(process.execPath, ['--import', register, '-e', 'console.log(1)']));
    t.regex((error as { stderr?: string } | undefined)?.stderr ?? '', /ERR_PROCGUARD_ADDON_UNAVAILABLE/);
  });
}

test('guard: false needs no addon', async (t) => {
  const folder = await packageWithout(t);
  const file = path.join(folder, 'try.mjs');
  await writeFile(
    file,
    `import { spawn } from './dist/lib/index.js';
     spawn('echo', ['free'], { guard: false, stdio: 'inherit' });`,
  );
  const { stdout } = await run(process.execPath, [file]);
  t.is(stdout, 'free\n');
});
