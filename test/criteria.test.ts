import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

const folder = path.resolve(import.meta.dirname, '../../test');
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.test.ts'),
);
const text = sources.map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n');

for (const requirement of [2, 9, 10]) {
  for (const criterion of [1, 2, 3, 4, 5]) {
    const name = `R${requirement}.${criterion}`;
    test(`acceptance criterion ${name} has a test that is named after it`, (t) => {
      t.regex(text, new RegExp(`['"\`](R\\d+\\.\\d+ )*R${requirement}\\.${criterion} [a-z]`));
    });
  }
}
