import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from './helpers/fixtures.js';

type Titles = Record<string, Record<string, string>>;

interface Skipped {
  files: Record<string, string>;
  tests: Titles;
  /** What Wine alone can't do. */
  wine?: Titles;
  /** What only the stand-in for macOS can do, which has a /proc. */
  macAlone?: Titles;
  /** What runs on the stand-in for macOS, and which of its tests are left out there alone. */
  shim?: { files: string[]; tests: Titles };
}

/** What a system leaves out. */
function readList(system: string): Skipped {
  return JSON.parse(readFileSync(path.join(ROOT, `test/${system}/skipped.json`), 'utf8'));
}

const systems = { windows: 'Windows', darwin: 'macOS' };

const escapeForPattern = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What the titles of a file look like: its texts, with anything in place of what is put into them. */
function titlePatterns(file: string): RegExp[] {
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  const calls = source.matchAll(
    /\b\w*[tT]est(?:\.\w+)*\(\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)/g,
  );
  return [...calls].map(([, literal = '']) => {
    const parts = literal.slice(1, -1).split(/\$\{[^}]*\}/);
    const texts = parts.map((part) => escapeForPattern(part.replace(/\\(.)/g, '$1')));
    return new RegExp(`^${texts.join('.*')}$`, 's');
  });
}

const every = readdirSync(path.join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name.replaceAll(path.sep, '/')}`);

for (const [folder, system] of Object.entries(systems)) {
  const { files, tests, wine = {}, macAlone = {}, shim } = readList(folder);
  const lists = [tests, wine, macAlone, shim?.tests ?? {}];
  // Those of the other systems aren't run on this one.
  const isRun = (file: string) =>
    !(file in files) &&
    !Object.keys(systems).some((other) => other !== folder && file.startsWith(`test/${other}/`));

  for (const file of new Set([...Object.keys(files), ...(shim?.files ?? [])])) {
    test(`${file}, which the list of ${system} names, is there`, (t) => {
      t.true(existsSync(path.join(ROOT, file)));
    });
  }

  for (const [file, titles] of lists.flatMap((list) => Object.entries(list))) {
    for (const title of Object.keys(titles)) {
      test(`'${title}', which is left out on ${system}, is a test of ${file}, and of no other file`, (t) => {
        t.true(
          titlePatterns(file).some((pattern) => pattern.test(title)),
          `The entry of test/${folder}/skipped.json is out of date.`,
        );
        // ava leaves out a title wherever it stands.
        t.deepEqual(every.filter((other) => other !== file && isRun(other)).filter(startsLike(title)), []);
      });
    }
  }

  test(`every reason of the list of ${system} says something`, (t) => {
    const reasons = [
      ...Object.values(files),
      ...lists.flatMap((list) => Object.values(list)).flatMap((titles) => Object.values(titles)),
    ];
    t.deepEqual(
      reasons.filter((reason) => !/^.{15,}\.$/.test(reason)),
      [],
    );
  });
}

function startsLike(title: string): (file: string) => boolean {
  return (file) => readFileSync(path.join(ROOT, file), 'utf8').includes(`'${title}`);
}
