import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from './helpers/fixtures.js';

const { files, tests, wine } = JSON.parse(
  readFileSync(path.join(ROOT, 'test/windows/skipped.json'), 'utf8'),
) as {
  files: Record<string, string>;
  tests: Record<string, Record<string, string>>;
  /** What Wine alone can't do. */
  wine: Record<string, Record<string, string>>;
};

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

for (const file of Object.keys(files)) {
  test(`${file}, which is left out on Windows, is there`, (t) => {
    t.true(existsSync(path.join(ROOT, file)));
  });
}

for (const [file, titles] of [...Object.entries(tests), ...Object.entries(wine)]) {
  for (const title of Object.keys(titles)) {
    test(`'${title}', which is left out on Windows, is a test of ${file}, and of no other file`, (t) => {
      const has = (name: string) => titlePatterns(name).some((pattern) => pattern.test(title));
      t.true(has(file), 'The entry of test/windows/skipped.json is out of date.');
      const others = readdirSync(path.join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.ts'))
        .map((name) => `test/${name.replaceAll(path.sep, '/')}`)
        .filter((name) => name !== file && !(name in files));
      // ava leaves out a title wherever it stands.
      t.deepEqual(others.filter(startsLike(title)), []);
    });
  }
}

function startsLike(title: string): (file: string) => boolean {
  return (file) => readFileSync(path.join(ROOT, file), 'utf8').includes(`'${title}`);
}

test('every reason says something', (t) => {
  const reasons = [
    ...Object.values(files),
    ...[...Object.values(tests), ...Object.values(wine)].flatMap((titles) => Object.values(titles)),
  ];
  t.deepEqual(
    reasons.filter((reason) => !/^.{15,}\.$/.test(reason)),
    [],
  );
});
