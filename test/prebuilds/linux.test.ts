import { execFile, execFileSync, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import test from 'ava';
import type { KillTreeReport } from '../../lib/index.js';
import { type Guard, Host } from '../helpers/host.js';
import { Lifelines } from '../helpers/lifelines.js';
import { copyPackage } from '../helpers/package-copy.js';
import { allGone, LAYERS, startTree } from '../helpers/tree.js';
import { builtFile, firstMissing, OLDEST_GLIBC } from './builds.js';

const FILES = ['procguard.glibc.node', 'procguard.musl.node', 'procguard-keeper', 'procguard-run'];
const MUSL = '/lib/ld-musl-x86_64.so.1';

function testWith(files: readonly string[]) {
  const missing = firstMissing(files);
  if (missing === undefined || process.env.TEST_EVERYTHING === '1') return test.serial;
  console.warn(`Not tried: ${missing} is missing; see npm run test:prebuilds`);
  return test.serial.skip;
}

const filesFor = (arch: 'x64' | 'arm64') => FILES.map((name) => builtFile(arch, name));
for (const machine of ['x64', 'arm64'] as const) {
  const read = (option: string, file: string) =>
    execFileSync('readelf', [option, '-W', builtFile(machine, file)], { encoding: 'utf8' });

  test(`R7.1 the addon for glibc on ${machine} asks for nothing newer than glibc ${OLDEST_GLIBC}`, (t) => {
    const asked = [...read('-V', 'procguard.glibc.node').matchAll(/Name: (\S+)/g)].map(
      ([, name]) => name as string,
    );
    t.true(asked.length > 0);
    for (const version of asked) {
      const [, minor] = /^GLIBC_2\.(\d+)(?:\.\d+)?$/.exec(version) ?? [];
      t.true(Number(minor) <= Number(OLDEST_GLIBC.split('.')[1]), version);
    }
  });

  for (const file of ['procguard.glibc.node', 'procguard.musl.node']) {
    test(`${file} on ${machine} takes C functions and Node's own from outside, and none of C++`, (t) => {
      // What is weak may be missing.
      const outside = [...read('--dyn-syms', file).matchAll(/ GLOBAL .* UND (\S+)/g)].map(
        ([, name]) => name as string,
      );
      t.true(outside.includes('napi_create_function'));
      t.deepEqual(
        outside.filter((name) => /^(_Z|__cxa_(?!atexit|finalize)|__gxx|_Unwind)/.test(name)),
        [],
      );
      const libraries = [...read('-d', file).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(
        ([, name]) => name as string,
      );
      t.deepEqual(
        libraries.filter((name) => !/^(lib(c|pthread|dl|m|rt)|libc\.musl-.*|ld-linux-.*)\.so/.test(name)),
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

// There is no Node for musl here. Its loader tells what the addon would miss: only what Node has.
testWith([...filesFor('x64'), MUSL])('the addon for musl misses nothing of musl', async (t) => {
  const listed = promisify(execFile)(MUSL, ['--list', builtFile('x64', 'procguard.musl.node')]);
  const failed = await t.throwsAsync<Error & { stderr: string }>(listed);
  const symbols = [...(failed?.stderr ?? '').matchAll(/: (\S+): symbol not found/g)].map(([, name]) => name!);
  t.true(symbols.length > 0);
  t.deepEqual(
    symbols.filter((name) => !/^(napi_|node_api_|uv_)/.test(name)),
    [],
  );
});

const testX64 = testWith(process.arch === 'x64' ? filesFor('x64') : ['a processor with x64']);
let root: string;

test.before(async () => {
  if (firstMissing(filesFor('x64')) !== undefined) return;
  root = await copyPackage({
    'procguard.node': builtFile('x64', 'procguard.glibc.node'),
    'procguard-keeper': builtFile('x64', 'procguard-keeper'),
    'procguard-run': builtFile('x64', 'procguard-run'),
  });
});

test.after.always(async () => {
  if (root !== undefined) await rm(root, { recursive: true });
});

for (const disable of [undefined, 'cgroup', 'clone3,pidfd,waitid-pidfd']) {
  testX64(
    `R7.1 the build for glibc ${OLDEST_GLIBC}, without ${disable ?? 'nothing'}: a tree dies with its host`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ root, disable });
      const lives = await startTree(host, lifelines);
      await host.keeperPid();
      t.like(await host.ask<Guard>('guardOf', { pid: lives[0]!.pid }), { link: 'pdeathsig' });
      await host.die('SIGKILL');
      await t.notThrowsAsync(allGone(lives));
    },
  );

  testX64(
    `the build for glibc ${OLDEST_GLIBC}, without ${disable ?? 'nothing'}: killTree, and its errors`,
    async (t) => {
      await using lifelines = await Lifelines.open();
      await using host = new Host({ root, disable });
      const lives = await startTree(host, lifelines, { words: ['term-ignored'] });
      const request = { pid: lives[0]!.pid, options: { graceMs: 50 } };
      t.deepEqual((await host.ask<KillTreeReport>('killTree', request)).survivors, []);
      await t.notThrowsAsync(allGone(lives));
      await t.throwsAsync(host.start(['/nonexistent/program']), { code: 'ENOENT' });
      await t.throwsAsync(host.ask('killTree', { pid: 1 }), { code: 'ERR_PROCGUARD_INVALID_OPTION' });
    },
  );
}

testX64('procguard-run without libraries ends a tree with its parent, and as its command did', async (t) => {
  await using lifelines = await Lifelines.open();
  const program = builtFile('x64', 'procguard-run');
  const command = [lifelines.program, ...lifelines.arguments('child', 'plain', 'setsid', 'double')];
  const parent = spawn('sh', ['-c', '"$0" "$@" & wait', program, 'run', '--grace=0', '--', ...command]);
  const lives = await lifelines.takeAll(LAYERS);
  parent.kill('SIGKILL');
  await t.notThrowsAsync(allGone(lives));
  const ended = promisify(execFile)(program, ['run', '--grace=0', '--', 'sh', '-c', 'exit 7']);
  t.is((await t.throwsAsync<Error & { code: number }>(ended))?.code, 7);
});
