import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/fixtures.js';

test('R7.4 the package has a watchdog for POSIX systems and one for Windows, and both are documented', (t) => {
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
  t.true(files.includes('watchdog'));
  const text = readFileSync(join(ROOT, 'docs/watchdog.md'), 'utf8');
  for (const script of ['watchdog.sh', 'watchdog.ps1']) {
    t.true(existsSync(join(ROOT, 'watchdog', script)));
    t.true(text.includes(script));
  }
});
