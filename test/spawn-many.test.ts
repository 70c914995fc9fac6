import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const spawnCount = 10_000;
/** What the resident memory may grow by, beyond what it grows by with Node's own functions. */
const rssBoundBytes = 16 * 1024 * 1024;
/** What the heap and the memory outside of it may grow by, likewise: less than 105 bytes a spawn. */
const heapBoundBytes = 1024 * 1024;

interface Measure {
  descriptors: number;
  children: { name: string; state: string }[];
  rss: number;
  heapUsed: number;
  external: number;
}

test('10,000 spawns leave no descriptor, no zombie and no memory', async (t) => {
  const node = await run('node');
  const procguard = await run('procguard');
  t.log('growth in bytes', { node: growth(node), procguard: growth(procguard) });

  t.is(procguard.after.descriptors, procguard.before.descriptors);
  t.deepEqual(node.after.children, []);
  t.deepEqual(procguard.after.children, procguard.before.children);
  t.true(procguard.after.children.every(({ name, state }) => name === 'procguard-keepe' && state !== 'Z'));

  const [ours, theirs] = [growth(procguard), growth(node)];
  t.true(ours.rss <= Math.max(theirs.rss, 0) + rssBoundBytes, `resident memory grew by ${ours.rss} bytes`);
  t.true(ours.heap <= Math.max(theirs.heap, 0) + heapBoundBytes, `the heap grew by ${ours.heap} bytes`);
});

async function run(implementation: 'node' | 'procguard'): Promise<{ before: Measure; after: Measure }> {
  const program = fileURLToPath(new URL('../../test/fixtures/spawn-many.mjs', import.meta.url));
  const args = ['--expose-gc', program, implementation, String(spawnCount)];
  const host = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed, [code]] = await Promise.all([text(host.stdout), once(host, 'exit')]);
  if (code !== 0) throw new Error(`The host with ${implementation} exited with ${code}`);
  return JSON.parse(printed);
}

function growth({ before, after }: { before: Measure; after: Measure }) {
  const heap = after.heapUsed + after.external - before.heapUsed - before.external;
  return { rss: after.rss - before.rss, heap };
}
