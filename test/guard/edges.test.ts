import { execFile, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import test from 'ava';
import { guardOf, killTree, spawn } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { compiledFixture, fixture, ROOT } from '../helpers/fixtures.js';

const isRoot = process.getuid?.() === 0;

test('Workers that end in the middle of killTree and sweep leave the host alive', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [fixture('ending-workers.mjs')], {
    cwd: ROOT,
  });
  t.is(stdout, 'alive\n');
});

test('a tree with a grace gets exactly one SIGTERM', async (t) => {
  const worker = JSON.stringify(['python3', fixture('count-sigterm.py')]);
  const guard = JSON.stringify({ guard: { graceMs: 300 } });
  const host = nodeSpawn(process.execPath, [fixture('ready-host.mjs'), guard, worker], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let output = '';
  const ready = new Promise<void>((resolve) => {
    host.stdout?.on('data', (data) => {
      output += data;
      if (output.includes('r')) resolve();
    });
  });
  const [{ guard: held }] = await within(once(host, 'message'), 'the host');
  t.is(held.link, 'none');
  t.deepEqual(held.downgrades.at(-1).code, 'grace_needs_keeper');
  await within(ready, 'the worker');
  const ended = once(host.stdout!, 'end');
  host.kill('SIGKILL');
  await within(ended, 'the end of the worker');
  t.is(output, 'rT');
});

test('a process whose first thread has ended is alive, and is ended', async (t) => {
  const program = compiledFixture('first-thread-ends');
  const child = spawn(program, { stdio: ['ignore', 'pipe', 'inherit'] });
  await within(once(child.stdout, 'data'), 'the program');
  const report = await killTree(child, { graceMs: 5000 });
  t.deepEqual(report.survivors, []);
  t.deepEqual(report.signalled, [child.pid]);
});

test('a child that gives itself another user is said to have lost its link', async (t) => {
  if (!isRoot) return t.pass();
  const child = spawn('setpriv', ['--reuid', '65534', '--clear-groups', 'cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write('x');
  await within(once(child.stdout, 'data'), 'cat');
  const { link, downgrades } = guardOf(child);
  t.is(link, 'none');
  t.true(downgrades.some(({ code }) => code === 'link_cleared'));
  child.stdin.end();
  await within(once(child, 'close'), 'the end of cat');
});
