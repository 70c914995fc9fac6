import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const root = path.resolve(import.meta.dirname, '../..');

test('the tests of the Python SDK pass', async (t) => {
  const args = ['-m', 'unittest', 'discover', '--start-directory', 'python/tests'];
  const env = { ...process.env, PYTHONPATH: path.join(root, 'python/src') };
  const { stderr } = await promisify(execFile)('python3', args, { cwd: root, env, timeout: 170_000 });
  t.regex(stderr, /^OK/m);
  t.log(stderr.trim().split('\n').slice(-3).join(' '));
});
