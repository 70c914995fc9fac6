import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const root = path.resolve(import.meta.dirname, '../..');
const documents = ['README.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)];

for (const document of documents.filter((name) => name.endsWith('.md'))) {
  const blocks = [...readFileSync(path.join(root, document), 'utf8').matchAll(/^```js\n(.*?)^```$/gms)];
  blocks.forEach(([, code], index) => {
    test(`JavaScript block ${index + 1} of ${document} works when pasted`, async (t) => {
      // Inside the package, so that it finds itself by name.
      const folder = await mkdtemp(path.join(root, 'dist', 'pasted-'));
      t.teardown(() => rm(folder, { recursive: true }));
      const file = path.join(folder, 'pasted.mjs');
      await writeFile(file, code as string);
      const { stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 30_000 });
      t.is(stderr, '');
    });
  });
}
