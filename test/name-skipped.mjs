// node test/name-skipped.mjs <windows|darwin>: prints each test that is left out on that system, with the reason.
import { readFileSync } from 'node:fs';

const names = { windows: 'Windows', darwin: 'macOS', wine: 'Wine', macAlone: 'a real Mac', shim: 'the shim' };
const system = process.argv[2];
const { files, tests, wine, macAlone, shim } = JSON.parse(
  readFileSync(new URL(`${system}/skipped.json`, import.meta.url), 'utf8'),
);

for (const [file, reason] of Object.entries(files)) say(system, file, reason);
for (const [where, left] of Object.entries({ [system]: tests, wine, macAlone, shim: shim?.tests }))
  for (const [file, titles] of Object.entries(left ?? {}))
    for (const [title, reason] of Object.entries(titles)) say(where, `${file}: ${title}`, reason);

function say(where, what, reason) {
  console.log(`Skipped on ${names[where]}: ${what}: ${reason}`);
}
