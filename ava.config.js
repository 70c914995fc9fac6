import { readFileSync } from 'node:fs';

const every = 'dist/test/**/*.test.js';
const compiled = (file) => file.replace(/^test\/(.*)\.ts$/, 'dist/test/$1.js');

/** Each system has tests of its own. test/windows/skipped.json and test/darwin/skipped.json name what else is left out there, and why. */
function choose() {
  // scripts/test-prebuilds.sh has packed the package.
  if (process.env.TEST_TARBALL) return { files: ['dist/test/prebuilds/*.test.js'] };
  switch (process.platform) {
    case 'win32':
      return leaveOut('windows', process.env.TESTS_ON_WINE === '1' ? 'wine' : undefined);
    case 'darwin':
      return leaveOut('darwin', 'macAlone');
    default:
      return { files: [every, '!dist/test/windows/**', '!dist/test/prebuilds/**'] };
  }
}

/** `further`: the key of what is left out besides. */
function leaveOut(system, further) {
  const skipped = JSON.parse(readFileSync(`test/${system}/skipped.json`, 'utf8'));
  const others = ['windows', 'darwin'].filter((other) => other !== system);
  const files = [
    ...Object.keys(skipped.files).map(compiled),
    ...others.map((other) => `dist/test/${other}/**`),
  ];
  const left = [skipped.tests, further === undefined ? {} : skipped[further]];
  const titles = left.flatMap((tests) => Object.values(tests)).flatMap((tests) => Object.keys(tests));
  return { files: [every, ...files.map((file) => `!${file}`)], match: titles.map((title) => `!${title}*`) };
}

export default { ...choose(), workerThreads: false, timeout: '3m' };
