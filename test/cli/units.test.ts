import test from 'ava';
import run from '../../lib/cli/run.cjs';
import { formatAge, formatBytes } from '../../lib/cli/units.js';

test('ages and sizes are short', (t) => {
  const ages = [0, 999, 1000, 59_999, 60_000, 3_599_000, 3_600_000, 86_399_000, 86_400_000, 273_600_000];
  t.deepEqual(ages.map(formatAge), [
    '0ms',
    '999ms',
    '1s',
    '59s',
    '1m00s',
    '59m59s',
    '1h00m',
    '23h59m',
    '1d00h',
    '3d04h',
  ]);
  t.deepEqual([0, 1024 ** 2 - 1024, 1024 ** 2, 1.5 * 1024 ** 3].map(formatBytes), [
    '0 KB',
    '1023 KB',
    '1.0 MB',
    '1.5 GB',
  ]);
});

test('durations are milliseconds, seconds or minutes, at most five minutes', (t) => {
  const texts = ['0', '250', '500ms', '5s', '1.5m', '5m', '300001', '6m', '-1', '5h', 's', '', '1e3'];
  const expected = [0, 250, 500, 5000, 90_000, 300_000, ...Array(7).fill(undefined)];
  t.deepEqual(texts.map(run.readDuration), expected);
});

test('the arguments of run end where the command begins', (t) => {
  const ls = { graceMs: 0, commandLength: 1 };
  t.deepEqual(run.readRun(['ls']), ls);
  t.deepEqual(run.readRun(['--', 'ls']), ls);
  t.deepEqual(run.readRun(['--grace', '1s', 'ls', '--grace']), { graceMs: 1000, commandLength: 2 });
  t.deepEqual(run.readRun(['--grace=1s', '--', '--', 'ls']), { graceMs: 1000, commandLength: 2 });
  for (const wrong of [[], ['--'], ['--grace'], ['--grace', 'ls'], ['--help'], ['-x', 'ls']])
    t.is(run.readRun(wrong), undefined, wrong.join(' '));
});
