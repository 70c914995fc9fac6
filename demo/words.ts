import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** How often each word occurs. */
export type Words = Map<string, number>;

/** The Python to use, and the source files of its standard library. */
export interface Library {
  python: string;
  version: string;
  folder: string;
  files: string[];
  bytes: number;
}

/** Finds Python and the sources that come with it. */
export function findLibrary(): Library {
  const script = [
    'import sys, sysconfig, platform',
    "print(sys.executable, platform.python_version(), sysconfig.get_paths()['stdlib'], sep='\\n')",
  ].join('\n');
  const [python, version, folder] = askPython(script).split('\n');
  const files = readdirSync(folder!, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.py') && !/(^|\/)(site|dist)-packages\//.test(path))
    .map((path) => join(folder!, path))
    .filter((path) => statSync(path).isFile())
    .sort();
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  return { python: python!, version: version!, folder: folder!, files, bytes };
}

function askPython(script: string): string {
  try {
    return execFileSync('python3', ['-c', script], { encoding: 'utf8' });
  } catch (cause) {
    throw new Error(
      'The demo needs Python 3.9 or later as `python3` on the PATH. Install it, then run it again.',
      {
        cause,
      },
    );
  }
}

/** Counts the words of `files` in this process: the check of what the workers counted. */
export function countHere(files: readonly string[]): Words {
  const words: Words = new Map();
  for (const path of files) {
    for (const match of readFileSync(path, 'latin1').match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g) ?? []) {
      const word = match.toLowerCase();
      words.set(word, (words.get(word) ?? 0) + 1);
    }
  }
  return words;
}

/** Adds up what was counted in parts. */
export function addUp(parts: Iterable<Words>): Words {
  const words: Words = new Map();
  for (const part of parts) for (const [word, count] of part) words.set(word, (words.get(word) ?? 0) + count);
  return words;
}

/** How many words there are in all. */
export function total(words: Words): number {
  return [...words.values()].reduce((sum, count) => sum + count, 0);
}

/** The most frequent words of at least `letters` letters. */
export function top(words: Words, number: number, letters: number): [word: string, count: number][] {
  const long = [...words].filter(([word]) => word.length >= letters);
  return long.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, number);
}

/** Whether both have the same words, each as often. */
export function equal(one: Words, other: Words): boolean {
  return one.size === other.size && [...one].every(([word, count]) => other.get(word) === count);
}
