import { execFileSync } from 'node:child_process';
import test from 'ava';
import { ROOT } from '../helpers/fixtures.js';

/** Which of the packages under node_modules a program has loaded that imports this. */
function loadedBy(specifier: string): string[] {
  const code = `
import { createRequire } from 'node:module';
await import('${specifier}');
const files = Object.keys(createRequire(${JSON.stringify(ROOT)}).cache);
console.log(JSON.stringify(files.flatMap((file) => /node_modules\\/((@[^/]+\\/)?[^/]+)/.exec(file.replaceAll('\\\\', '/'))?.[1] ?? [])));`;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return [...new Set(JSON.parse(text) as string[])];
}

test('only the adapters load the libraries that they adapt', (t) => {
  const plain = loadedBy('procguard');
  t.false(plain.includes('prom-client') || plain.includes('@opentelemetry/api'), plain.join());
  t.true(loadedBy('procguard/prometheus').includes('prom-client'));
  const opentelemetry = loadedBy('procguard/opentelemetry');
  t.true(
    opentelemetry.includes('@opentelemetry/api') && !opentelemetry.includes('prom-client'),
    opentelemetry.join(),
  );
});
