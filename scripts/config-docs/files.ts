import { readFileSync } from 'node:fs';
import path from 'node:path';
import { renderDeclarations } from './declarations.js';
import { renderTable } from './table.js';

const root = path.resolve(import.meta.dirname, '../../..');
const marks = /(?<=<!-- table: npm run docs:config -->\n\n).*?(?=\n\n<!-- end of table -->)/s;

export interface GeneratedFile {
  readonly path: string;
  readonly isText: string;
  readonly shouldBe: string;
}

/** The files that are made of the schema: what they hold, and what they should. */
export function generatedFiles(): GeneratedFile[] {
  const declarations = path.join(root, 'lib/config/pool-options.ts');
  const document = path.join(root, 'docs/configuration.md');
  const text = readFileSync(document, 'utf8');
  if (!marks.test(text)) throw new Error(`${document} has lost the marks around its table.`);
  return [
    { path: declarations, isText: readFileSync(declarations, 'utf8'), shouldBe: renderDeclarations() },
    { path: document, isText: text, shouldBe: text.replace(marks, () => renderTable()) },
  ];
}
