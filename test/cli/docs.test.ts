import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { ROOT } from '../helpers/fixtures.js';
import { lockMachine } from '../helpers/machine-lock.js';
import { BIN } from './cli.js';

// They say that nothing is to be swept.
test.before(() => lockMachine('sweep'));

/** What a line of a document stands for: its numbers are any numbers, its blanks any blanks, and … anything. */
function patternOf(line: string): RegExp {
  const pattern = line
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\d+(\\\.\d+)?/g, '\\d+(?:\\.\\d+)?')
    .replace(/\s+/g, '\\s+')
    .replace(/…/g, '.*');
  return new RegExp(`^\\s*${pattern}\\s*$`);
}

/** Those of the expected lines, from the first that is missing, that don't follow each other in the output. */
function missingLines(expected: string[], output: string[]): string[] {
  let at = 0;
  for (const [index, line] of expected.entries()) {
    if (line.trim() === '') continue;
    const found = output.findIndex((shown, number) => number >= at && patternOf(line).test(shown));
    if (found < 0) return expected.slice(index);
    at = found + 1;
  }
  return [];
}

async function checkBlocks(t: import('ava').ExecutionContext, document: string): Promise<void> {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const blocks = [...text.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block]) =>
    block!.trimEnd().split('\n'),
  );
  t.true(blocks.length > 0);
  const folder = mkdtempSync(join(ROOT, 'dist', 'console-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  symlinkSync(BIN, join(folder, 'procguard'));
  for (const lines of blocks) {
    const commands = lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
    const expected = lines.filter((line) => !line.startsWith('$ '));
    const { all } = await execa('bash', ['-c', `${commands.join('\n')}\nwait`], {
      cwd: folder,
      env: { PATH: `${folder}:${process.env.PATH}` },
      all: true,
      reject: false,
      timeout: 60_000,
    });
    t.deepEqual(missingLines(expected, all!.split('\n')), [], `${commands.join('\n')}\n${all}`);
  }
}

test('every console block of docs/cli.md prints what it shows', async (t) => {
  await checkBlocks(t, 'docs/cli.md');
});

test('R12.2 every command of docs/troubleshooting.md prints what it shows, and every symptom names one', async (t) => {
  await checkBlocks(t, 'docs/troubleshooting.md');
  const text = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8');
  for (const command of [
    'procguard doctor',
    'procguard ps',
    'procguard sweep --dry-run',
    'pool.alerts()',
    'NODE_DEBUG=procguard',
  ])
    t.true(text.includes(command), command);
  const [, symptoms] = /^\| what you see \| start with \|\n\|---\|---\|\n(.*?)\n\n/ms.exec(text)!;
  const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const row of symptoms!.split('\n')) {
    const [, anchor] = /`\]\(#([a-z0-9-]+)\)/.exec(row) ?? [];
    t.true(headings.includes(anchor!), row);
  }
});
