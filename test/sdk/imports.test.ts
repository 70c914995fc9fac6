import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/fixtures.js';

const lib = path.join(ROOT, 'dist/lib');

/** Every file that `file` loads, itself included, and every package. */
function loaded(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/(?:from|import) '([^']+)'/g)) {
    if (name!.startsWith('.')) loaded(path.resolve(path.dirname(file), name!), found);
    else found.add(name!);
  }
  return found;
}

test('the SDK loads neither the addon nor the guard', (t) => {
  const files = [...loaded(path.join(lib, 'sdk/index.js'))];
  t.true(files.length > 10);
  for (const file of files) {
    if (!path.isAbsolute(file)) t.regex(file, /^node:/);
    else
      t.regex(path.relative(lib, file).replaceAll('\\', '/'), /^(sdk|wire)\/|^(errors|clock|nearest)\.js$/);
  }
});

test('an import installs nothing in the process', async (t) => {
  const events = ['SIGTERM', 'SIGINT', 'exit', 'uncaughtException', 'unhandledRejection'];
  const before = events.map((event) => process.listenerCount(event));
  await import('../../lib/sdk/index.js');
  t.deepEqual(
    events.map((event) => process.listenerCount(event)),
    before,
  );
});
