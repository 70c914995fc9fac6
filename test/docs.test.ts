import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const root = path.resolve(import.meta.dirname, '../..');
const documents = ['README.md', ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`)];

for (const document of documents.filter((name) => name.endsWith('.md'))) {
  const text = readFileSync(path.join(root, document), 'utf8');
  const blocks = [...text.matchAll(/^```js\n(.*?)^```$/gms)];
  blocks.forEach(([, code], index) => {
    test(`JavaScript block ${index + 1} of ${document} works when pasted`, async (t) => {
      // Inside the package, so that it finds itself by name.
      const folder = await mkdtemp(path.join(root, 'dist', 'pasted-'));
      t.teardown(() => rm(folder, { recursive: true }));
      // Programs in Python that the text gives a name lie beside it.
      for (const [, program, name] of text.matchAll(/^```python\n(# (\S+\.py)\n.*?)^```$/gms)) {
        await writeFile(path.join(folder, name as string), program as string);
      }
      const file = path.join(folder, 'pasted.mjs');
      await writeFile(file, code as string);
      // As an installation puts it there for scripts.
      await symlink(path.join(root, 'bin/procguard.cjs'), path.join(folder, 'procguard'));
      const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
      const options = { cwd: folder, env, timeout: 30_000 };
      const { stderr } = await promisify(execFile)(process.execPath, [file], options);
      t.is(stderr, '');
    });
  });
}
