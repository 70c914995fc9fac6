import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/fixtures.js';
import { PREBUILDS, tarball } from './platforms.js';
import { readBinary } from './read-binary.js';

const largestBytes = 3_000_000;
const formats: Record<string, string> = { linux: 'ELF', darwin: 'Mach-O', win32: 'PE' };

const packed = new Map(
  execFileSync('tar', ['-tvzf', tarball()], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => {
      const fields = line.split(/\s+/);
      return [fields.slice(5).join(' ').replace('package/', ''), fields[0] as string];
    }),
);

test('the package is smaller than 3 MB', (t) => {
  const { size } = statSync(tarball());
  t.log(`${size} bytes, ${packed.size} files`);
  t.true(size < largestBytes, `${size}`);
});

test('the package has the prebuilds of all platforms, and no other', (t) => {
  const found: Record<string, string[]> = {};
  for (const file of packed.keys()) {
    const [top, folder, name] = file.split('/');
    if (top === 'prebuilds')
      found[folder as string] = [...(found[folder as string] ?? []), name as string].sort();
  }
  t.deepEqual(found, PREBUILDS as Record<string, string[]>);
});

test('programs may be executed, and nothing else may', (t) => {
  const programs = [...packed].filter(([, mode]) => mode.includes('x')).map(([file]) => file);
  const keepers = Object.entries(PREBUILDS).flatMap(([folder, files]) =>
    files.filter((file) => !file.endsWith('.node')).map((file) => `prebuilds/${folder}/${file}`),
  );
  const others = ['bin/procguard-run', 'bin/procguard.cjs', 'examples/worker.pl', 'watchdog/watchdog.sh'];
  t.deepEqual(programs.filter((file) => !file.endsWith('.node')).sort(), [...others, ...keepers].sort());
  for (const file of programs) t.is(packed.get(file), '-rwxr-xr-x', file);
});

test('what node-gyp needs is in the package, and what only developers need is not', (t) => {
  t.true(packed.has('binding.gyp'));
  for (const file of readdirSync(path.join(ROOT, 'native/linux')))
    t.true(packed.has(`native/linux/${file}`), file);
  t.deepEqual(
    [...packed.keys()].filter((file) =>
      /^(dist\/)?(test|bench|scripts)\/(?!fixtures\/protocol\/|install\.cjs$)|__pycache__/.test(file),
    ),
    [],
  );
});

for (const [folder, files] of Object.entries(PREBUILDS)) {
  const [system, machine] = folder.split('-') as [string, string];
  for (const file of files) {
    const bytes = readFileSync(path.join(ROOT, 'prebuilds', folder, file));
    test(`prebuilds/${folder}/${file} is for ${system} on ${machine}`, (t) => {
      t.log(`${bytes.length} bytes`);
      t.deepEqual(readBinary(bytes), { format: formats[system], machine });
    });
  }
}
