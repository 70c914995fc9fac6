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
  const expected = ['bin/procguard-run', 'bin/procguard.cjs', 'watchdog/watchdog.sh', ...keepers];
  t.deepEqual(programs.filter((file) => !file.endsWith('.node')).sort(), expected.sort());
  for (const file of programs) t.is(packed.get(file), '-rwxr-xr-x', file);
});

test('what node-gyp needs is in the package, and what only developers need is not', (t) => {
  t.true(packed.has('binding.gyp'));
  for (const file of readdirSync(path.join(ROOT, 'native/linux')))
    t.true(packed.has(`native/linux/${file}`), file);
  t.deepEqual(
    [...packed.keys()].filter((file) =>
      /^(dist\/)?(test|bench|scripts)\/(?!fixtures\/protocol\/)|__pycache__/.test(file),
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
      const binary = readBinary(bytes);
      t.like(binary, { format: formats[system], machine });
      if (binary.format !== 'Mach-O') return;
      t.true(binary.signed || machine === 'x64');
      t.deepEqual(
        binary.outside?.filter((name) => /^(__Z|___cxa_(?!atexit)|___gxx|__Unwind)/.test(name)),
        [],
      );
    });
  }
}

for (const machine of ['x64', 'arm64']) {
  const read = (option: string, file: string) =>
    execFileSync('readelf', [option, '-W', path.join(ROOT, 'prebuilds', `linux-${machine}`, file)], {
      encoding: 'utf8',
    });

  test(`the addon for glibc on ${machine} asks for nothing newer than glibc 2.28`, (t) => {
    const asked = [...read('-V', 'procguard.glibc.node').matchAll(/Name: (\S+)/g)].map(
      ([, name]) => name as string,
    );
    t.true(asked.length > 0);
    for (const version of asked) {
      const [, minor] = /^GLIBC_2\.(\d+)(?:\.\d+)?$/.exec(version) ?? [];
      t.true(Number(minor) <= 28, version);
    }
  });

  for (const file of ['procguard.glibc.node', 'procguard.musl.node']) {
    test(`${file} on ${machine} takes C functions and Node's own from outside, and none of C++`, (t) => {
      const outside = [...read('--dyn-syms', file).matchAll(/ UND (\S+)/g)].map(([, name]) => name as string);
      t.true(outside.includes('napi_create_function'));
      t.deepEqual(
        outside.filter((name) => /^(_Z|__cxa_(?!atexit|finalize)|__gxx|_Unwind)/.test(name)),
        [],
      );
      const libraries = [...read('-d', file).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(
        ([, name]) => name as string,
      );
      t.deepEqual(
        libraries.filter((name) => !/^(lib(c|pthread|dl|m|rt)|ld-linux-.*)\.so/.test(name)),
        [],
      );
      // It stays where a Worker that has loaded it ends.
      t.regex(read('-d', file), /NODELETE/);
    });
  }

  for (const file of ['procguard-keeper', 'procguard-run']) {
    test(`${file} on ${machine} needs no library, so it serves every one`, (t) => {
      t.notRegex(read('-d', file), /NEEDED/);
      t.notRegex(read('-l', file), /INTERP/);
    });
  }
}
