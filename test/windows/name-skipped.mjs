// Prints each test that is left out under Wine, with the reason.
import { readFileSync } from 'node:fs';

const { files, tests, wine } = JSON.parse(readFileSync(new URL('skipped.json', import.meta.url), 'utf8'));
for (const [file, reason] of Object.entries(files)) console.log(`Skipped on Windows: ${file}: ${reason}`);
for (const [system, left] of Object.entries({ Windows: tests, Wine: wine }))
  for (const [file, titles] of Object.entries(left))
    for (const [title, reason] of Object.entries(titles))
      console.log(`Skipped on ${system}: ${file}: ${title}: ${reason}`);
