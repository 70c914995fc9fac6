import { readFileSync } from 'node:fs';
import { fixture } from '../helpers/fixtures.js';

export type Meaning =
  | { is: 'plain'; value: unknown }
  | { is: 'bytes'; hex: string }
  | { is: 'array'; dtype: string; shape: number[]; numbers: unknown[] }
  | { is: 'number'; name: 'nan' | 'inf' | '-inf' }
  | { is: 'list'; items: Meaning[] }
  | { is: 'object'; members: Record<string, Meaning> };

interface Golden {
  frames: { name: string; hex: string; header: Record<string, unknown>; parts: string[] }[];
  errors: { name: string; hex: string; code: string }[];
  values: { name: string; value: unknown; parts: string[]; meaning: Meaning }[];
}

/** The vectors that the tests of every SDK read. */
export function readGolden(): Golden {
  return JSON.parse(readFileSync(fixture('protocol/frames.json'), 'utf8'));
}
