import test from 'ava';
import { ratesBetween } from '../../lib/health/rates.js';
import type { ProcessSample } from '../../lib/health/sample.js';

const first: ProcessSample = {
  id: { pid: 4711, startTicks: 100 },
  outcome: 'sampled',
  atMs: 1000,
  suspendedMs: 0,
  state: 'running',
  cpuMs: 500,
  rssBytes: 10_000_000,
  threads: 1,
  tracerPid: undefined,
  tree: undefined,
};
const later = (change: Partial<ProcessSample>): ProcessSample => ({ ...first, atMs: 3000, ...change });

test('shares and growth are those of the interval', (t) => {
  t.deepEqual(ratesBetween(first, later({ cpuMs: 1500, rssBytes: 9_000_000 })), {
    intervalMs: 2000,
    suspendedMs: 0,
    cpuShare: 0.5,
    rssGrowthBytesPerS: -500_000,
    tree: undefined,
  });
});

test('more than one core is a share above 1', (t) => {
  t.is(ratesBetween(first, later({ cpuMs: 8500 }))?.cpuShare, 4);
});

test('a tree has rates of its own', (t) => {
  const before = { ...first, tree: { processes: 2, cpuMs: 700, rssBytes: 20_000_000 } };
  const after = later({ cpuMs: 600, tree: { processes: 3, cpuMs: 2700, rssBytes: 22_000_000 } });
  t.deepEqual(ratesBetween(before, after)?.tree, { cpuShare: 1, rssGrowthBytesPerS: 1_000_000 });
  t.is(ratesBetween(first, after)?.tree, undefined);
});

test('a descendant that nobody waited for takes its CPU time with it, and the share stays that of the process', (t) => {
  const before = { ...first, tree: { processes: 2, cpuMs: 90_000, rssBytes: 20_000_000 } };
  const after = later({ cpuMs: 1500, tree: { processes: 1, cpuMs: 1500, rssBytes: 10_000_000 } });
  t.is(ratesBetween(before, after)?.tree?.cpuShare, 0.5);
});

for (const [what, before, after] of [
  ['there is no earlier sample', undefined, later({})],
  ['there is no later sample', first, undefined],
  ['the earlier one failed', { ...first, outcome: 'denied' }, later({})],
  ['the process is gone', first, later({ outcome: 'gone' })],
  ['its pid is of another', first, later({ outcome: 'replaced' })],
  ['a new process has the pid', first, later({ id: { pid: 4711, startTicks: 200 } })],
  ['they are of two pids', first, later({ id: { pid: 4712, startTicks: 100 } })],
  ['they are one sample', first, first],
  ['they are in the wrong order', later({}), first],
  ['they are too close together', first, later({ atMs: 1010 })],
  ['the counter went back', first, later({ cpuMs: 100 })],
  ['a time is no number', first, later({ atMs: Number.NaN })],
  ['a counter is no number', first, later({ cpuMs: Number.NaN })],
] as [string, ProcessSample | undefined, ProcessSample | undefined][]) {
  test(`nothing is told when ${what}`, (t) => t.is(ratesBetween(before, after), undefined));
}

test('a counter that goes back by its rounding stands still', (t) => {
  t.is(ratesBetween(first, later({ cpuMs: 493 }))?.cpuShare, 0);
});

test('a suspension is no time in which a process could have worked, and is told', (t) => {
  const rates = ratesBetween(first, later({ cpuMs: 2400, suspendedMs: 3_600_000 }));
  t.is(rates?.cpuShare, 0.95);
  t.is(rates?.suspendedMs, 3_600_000);
});
