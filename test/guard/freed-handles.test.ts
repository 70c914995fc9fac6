import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { findNodes } from '../conformance/nodes.js';

const program = fileURLToPath(new URL('../../../test/fixtures/exit-chains.mjs', import.meta.url));
const register = pathToFileURL(fileURLToPath(new URL('../../lib/register.js', import.meta.url))).href;

// Freed memory is overwritten, so that a write through a stale pointer ends the program.
const env = { ...process.env, MALLOC_PERTURB_: '165' };

for (const { major, path } of findNodes().nodes) {
  test(`Node ${major} frees its handle of every guarded child, and the heap stays whole`, async (t) => {
    const host = spawn(path, ['--import', register, program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [printed, [code, signal]] = await Promise.all([text(host.stdout), once(host, 'close')]);
    t.deepEqual({ code, signal, printed }, { code: 0, signal: null, printed: '400\n' });
  });
}
