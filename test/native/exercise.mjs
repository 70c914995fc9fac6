// Walks the addon's paths once, for the sanitizers: node exercise.mjs <the package's index.js>
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const index = isMainThread ? process.argv[2] : workerData;
const { spawn, exec, guardOf, capabilities, killTree, sweep } = await import(index);
const { identify } = await import(new URL('guard/identify.js', pathToFileURL(index)));
const { sampleProcesses } = await import(new URL('health/sample.js', pathToFileURL(index)));
// The sanitizers come by LD_PRELOAD; children must not inherit them.
const env = { PATH: process.env.PATH };

async function run(file, args, options) {
  const child = spawn(file, args, { env, ...options });
  const chunks = [];
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  const [code, signal] = await once(child, 'close');
  return { code, signal, output: Buffer.concat(chunks).toString() };
}

for (let i = 0; i < 30; i++) {
  assert.deepEqual(await run('sh', ['-c', 'echo $0', 'x'.repeat(5000)]), {
    code: 0,
    signal: null,
    output: `${'x'.repeat(5000)}\n`,
  });
  assert.equal((await run('sh', ['-c', 'kill -9 $$'])).signal, 'SIGKILL');
  await assert.rejects(run('no-such-program', []), { code: 'ENOENT' });
  assert.throws(() => spawn('true', [], { env, uid: -1 }), { code: 'EINVAL' });
  assert.throws(() => spawn('true', [], { env, stdio: ['pipe', 'pipe', 'pipe', 987] }), { code: 'EBADF' });
}
const many = await Promise.all(Array.from({ length: 50 }, () => run('true', [], { stdio: 'ignore' })));
assert.ok(many.every(({ code }) => code === 0));

const tree = spawn('sh', ['-c', 'trap "" TERM; setsid sleep 1000 & sleep 1000; sleep 1000'], { env });
assert.equal(guardOf(tree).link, 'pdeathsig');
assert.equal(capabilities().link, 'pdeathsig');
const identity = identify(tree);
for (const trees of [false, true, true]) {
  const samples = await sampleProcesses([identity, { ...identity, startTicks: 1 }], { trees });
  assert.equal(samples.get(0).outcome, 'sampled');
  assert.equal(samples.get(1).outcome, 'replaced');
}
tree.unref();
tree.ref();
assert.deepEqual((await killTree(tree, { graceMs: 100 })).survivors, []);
assert.deepEqual((await sweep({ dryRun: true })).survivors, []);
await new Promise((resolve) => exec('true', { env }, resolve));

if (isMainThread) {
  // Its end leaves a child behind, which the keeper's thread then reaps.
  const worker = new Worker(new URL(import.meta.url), { workerData: index });
  const [code] = await once(worker, 'exit');
  assert.equal(code, 0);
  console.log('all as it should be');
} else {
  spawn('sleep', ['1000'], { env, stdio: 'ignore' });
  process.exit(0);
}
