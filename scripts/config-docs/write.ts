import { writeFileSync } from 'node:fs';
import { generatedFiles } from './files.js';

for (const { path, isText, shouldBe } of generatedFiles()) {
  if (isText === shouldBe) continue;
  writeFileSync(path, shouldBe);
  console.log(`wrote ${path}`);
}
