import test from 'ava';
import type { ProcessSample, RunState } from '../../lib/health/sample.js';
import { describeDiagnosis, diagnose, type Evidence } from '../../lib/health/verdict.js';

const stalledMs = 60_000;

function sampled(state: RunState): ProcessSample {
  return {
    id: { pid: 2, startTicks: 1, childNumber: 1 },
    outcome: 'sampled',
    atMs: 0,
    suspendedMs: 0,
    state,
    cpuMs: 0,
    rssBytes: 0,
    threads: 1,
    tracerPid: undefined,
    tree: undefined,
  };
}

function rates(cpuShare: number, treeShare?: number): Evidence['rates'] {
  const tree = treeShare === undefined ? undefined : { cpuShare: treeShare, rssGrowthBytesPerS: 0 };
  return { intervalMs: 2000, suspendedMs: 0, cpuShare, rssGrowthBytesPerS: 0, tree };
}

const silent: Evidence = {
  misses: 3,
  silentMs: 3500,
  requests: [],
  sample: sampled('sleeping'),
  rates: rates(0),
  recentRates: rates(0),
};
const request = (leftMs: number | undefined) => ({ method: 'x', ageMs: 3500, leftMs });
const busy: Evidence = { ...silent, rates: rates(1), recentRates: rates(1) };

test('a worker that waits in the kernel between other work is stalled, and one that has stopped to work is not', (t) => {
  const sample = sampled('uninterruptible');
  t.like(diagnose({ ...busy, sample }, stalledMs), { reason: 'busy_processor', shouldReplace: false });
  t.like(diagnose({ ...busy, sample, recentRates: rates(0.019) }, stalledMs), {
    reason: 'uninterruptible',
    shouldReplace: true,
  });
});

for (const outcome of ['denied', 'failed', 'unsupported'] as const) {
  test(`a worker that can't be looked at (${outcome}) is unresponsive all the same`, (t) => {
    const sample = { ...sampled('sleeping'), outcome };
    t.like(diagnose({ ...silent, sample }, stalledMs), {
      verdict: 'unresponsive',
      reason: 'unknown',
      shouldReplace: true,
    });
  });
}

test("a worker that can't be looked at is left alone while its request has time of its own left", (t) => {
  const unseen = { ...silent, sample: undefined, rates: undefined };
  t.like(diagnose({ ...unseen, requests: [request(1)] }, stalledMs), {
    reason: 'unknown',
    shouldReplace: false,
  });
  t.like(diagnose({ ...unseen, requests: [request(undefined)] }, stalledMs), { shouldReplace: true });
});

test('a worker without a sample is unresponsive', (t) => {
  t.like(diagnose({ ...silent, sample: undefined, rates: undefined }, stalledMs), {
    verdict: 'unresponsive',
    reason: 'unknown',
    shouldReplace: true,
  });
});

for (const sample of [
  sampled('dead'),
  ...(['gone', 'replaced'] as const).map((outcome) => ({ ...sampled('sleeping'), outcome })),
]) {
  test(`a worker that is ${sample.outcome} (${sample.state}) is dead, and its exit will say so`, (t) => {
    t.like(diagnose({ ...silent, sample }, stalledMs), {
      verdict: 'dead',
      reason: 'gone',
      shouldReplace: false,
    });
  });
}

for (const [state, reason, shouldReplace] of [
  ['stopped', 'stopped', true],
  ['uninterruptible', 'uninterruptible', true],
  ['traced', 'traced', false],
  ['sleeping', 'no_answer', true],
  ['other', 'no_answer', true],
] as const) {
  test(`a silent worker that is ${state} is unresponsive: ${reason}`, (t) => {
    const sample = sampled(state);
    t.like(diagnose({ ...silent, sample }, stalledMs), { verdict: 'unresponsive', reason, shouldReplace });
    // A request with much time left protects only one that computes.
    t.is(diagnose({ ...silent, sample, requests: [request(1e6)] }, stalledMs).shouldReplace, shouldReplace);
  });
}

test('a worker that computes is stalled, and replaced when stalledMs is over', (t) => {
  const early = diagnose({ ...busy, silentMs: stalledMs - 1 }, stalledMs);
  t.like(early, { verdict: 'stalled', reason: 'busy_processor', shouldReplace: false });
  t.true(diagnose({ ...busy, silentMs: stalledMs }, stalledMs).shouldReplace);
});

test('while its request has time of its own left, a worker that computes is left alone', (t) => {
  const over = { ...busy, silentMs: 10 * stalledMs };
  t.false(diagnose({ ...over, requests: [request(1)] }, stalledMs).shouldReplace);
  t.true(diagnose({ ...over, requests: [request(0)] }, stalledMs).shouldReplace);
  t.true(diagnose({ ...over, requests: [request(undefined)] }, stalledMs).shouldReplace);
  t.false(diagnose({ ...over, requests: [request(undefined), request(1000)] }, stalledMs).shouldReplace);
});

test("a worker computes when it runs at the moment, or its descendants' processors say so", (t) => {
  t.is(diagnose({ ...silent, sample: sampled('running') }, stalledMs).reason, 'busy_processor');
  t.is(diagnose({ ...silent, rates: rates(0, 0.5) }, stalledMs).reason, 'busy_processor');
  t.is(diagnose({ ...silent, rates: rates(0.019) }, stalledMs).reason, 'no_answer');
  t.is(diagnose({ ...silent, rates: undefined }, stalledMs).reason, 'no_answer');
});

test('a diagnosis in words says how long, how often, and why', (t) => {
  t.is(
    describeDiagnosis(diagnose({ ...silent, sample: sampled('stopped') }, stalledMs)),
    'left 3 pings in a row unanswered and has been silent for 3.5 s: it is stopped (SIGSTOP)',
  );
  t.regex(describeDiagnosis(diagnose({ ...busy, misses: 1 }, stalledMs)), /^left a ping unanswered .* GIL$/);
});
