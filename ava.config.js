import { readFileSync } from 'node:fs';

const every = 'dist/test/**/*.test.js';
const compiled = (file) => file.replace(/^test\/(.*)\.ts$/, 'dist/test/$1.js');

/** Windows leaves out what test/windows/skipped.json names, with the reason; its own tests run there alone. */
function choose() {
  // scripts/test-prebuilds.sh has packed the package.
  if (process.env.TEST_TARBALL) return { files: ['dist/test/prebuilds/*.test.js'] };
  if (process.platform !== 'win32')
    return { files: [every, '!dist/test/windows/**', '!dist/test/prebuilds/**'] };
  const skipped = JSON.parse(readFileSync('test/windows/skipped.json', 'utf8'));
  const titles = Object.values(skipped.tests).flatMap((tests) => Object.keys(tests));
  return {
    files: [every, ...Object.keys(skipped.files).map((file) => `!${compiled(file)}`)],
    match: titles.map((title) => `!${title}*`),
  };
}

export default { ...choose(), workerThreads: false, timeout: '3m' };
