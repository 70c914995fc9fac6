import { readFileSync } from 'node:fs';

const every = 'dist/test/**/*.test.js';
const compiled = (file) => file.replace(/^test\/(.*)\.ts$/, 'dist/test/$1.js');

/** Windows, and Wine, leave out what test/windows/skipped.json names, with the reason; its own tests run there alone. */
function choose() {
  if (process.platform !== 'win32') return { files: [every, '!dist/test/windows/**'] };
  const skipped = JSON.parse(readFileSync('test/windows/skipped.json', 'utf8'));
  const left = [skipped.tests, process.env.TESTS_ON_WINE === '1' ? skipped.wine : {}];
  const titles = left.flatMap((files) => Object.values(files)).flatMap((tests) => Object.keys(tests));
  return {
    files: [every, ...Object.keys(skipped.files).map((file) => `!${compiled(file)}`)],
    match: titles.map((title) => `!${title}*`),
  };
}

export default { ...choose(), workerThreads: false, timeout: '3m' };
