import type { RequestInHand } from '../worker/request.js';
import type { Rates } from './rates.js';
import type { ProcessSample } from './sample.js';

export type Verdict = 'starting' | 'idle' | 'busy' | 'stalled' | 'unresponsive' | 'dead';

/**
 * Why a worker doesn't answer. `stopped`: by SIGSTOP or a terminal. `uninterruptible`: it waits in the kernel, mostly for a disk or a
 * network file system, and has computed next to nothing since the look before. `traced`: a debugger has stopped it. `busy_processor`: it computes, and holds the interpreter's lock
 * meanwhile. `no_answer`: it neither answers nor computes. `unknown`: the system doesn't say what it does.
 */
export type Reason =
  | 'stopped'
  | 'uninterruptible'
  | 'traced'
  | 'busy_processor'
  | 'no_answer'
  | 'unknown'
  | 'gone';

/** What is known of a worker that has left pings unanswered. */
export interface Evidence {
  readonly misses: number;
  /** Since it last sent anything, on the host's clock. */
  readonly silentMs: number;
  readonly requests: readonly RequestInHand[];
  readonly sample: ProcessSample | undefined;
  /** Since the first ping that it left unanswered. */
  readonly rates: Rates | undefined;
  /** Since it was last looked at. */
  readonly recentRates: Rates | undefined;
}

export interface Diagnosis {
  readonly verdict: Verdict;
  readonly reason: Reason;
  readonly shouldReplace: boolean;
  readonly evidence: Evidence;
}

// With a thousand others on two processors, a worker that computes gets no more than this.
const computes = 0.02;

/** What to make of a worker that is silent: it has left as many pings unanswered, and for as long, as the options allow. */
export function diagnose(evidence: Evidence, stalledMs: number): Diagnosis {
  const { sample, rates, recentRates, requests, silentMs } = evidence;
  const unresponsive = (reason: Reason, shouldReplace: boolean): Diagnosis => ({
    verdict: 'unresponsive',
    reason,
    shouldReplace,
    evidence,
  });
  // A request's own limit says best how long it may take; when it is over, the request is cancelled, and the worker ended if it goes on.
  const isLimited = requests.some(({ leftMs }) => leftMs !== undefined && leftMs > 0);
  if (
    sample === undefined ||
    sample.outcome === 'denied' ||
    sample.outcome === 'failed' ||
    sample.outcome === 'unsupported'
  )
    // It may compute for all that is known.
    return unresponsive('unknown', !isLimited);
  if (sample.outcome !== 'sampled' || sample.state === 'dead')
    return { verdict: 'dead', reason: 'gone', shouldReplace: false, evidence };
  switch (sample.state) {
    case 'traced':
      // Somebody looks into it at this moment.
      return unresponsive('traced', false);
    case 'stopped':
      return unresponsive('stopped', true);
    case 'uninterruptible':
      // One that reads a large file gets on between its waits.
      if (shareOf(recentRates) < computes) return unresponsive('uninterruptible', true);
  }
  if (shareOf(rates) < computes && sample.state !== 'running') return unresponsive('no_answer', true);
  return {
    verdict: 'stalled',
    reason: 'busy_processor',
    shouldReplace: silentMs >= stalledMs && !isLimited,
    evidence,
  };
}

function shareOf(rates: Rates | undefined): number {
  return Math.max(rates?.cpuShare ?? 0, rates?.tree?.cpuShare ?? 0);
}

const words: Readonly<Record<Reason, string>> = {
  stopped: 'it is stopped (SIGSTOP)',
  uninterruptible: 'it waits in the kernel and cannot be interrupted, as for a disk or a network file system',
  traced: 'a debugger has stopped it',
  busy_processor: 'it computes, and lets nothing else run, as a C extension that holds the GIL',
  no_answer: 'it neither answers nor computes, as in a deadlock',
  unknown: 'the system does not say what it does',
  gone: 'it is gone',
};

/** In words, for errors. */
export function describeDiagnosis({ reason, evidence }: Diagnosis): string {
  const pings = evidence.misses === 1 ? 'a ping' : `${evidence.misses} pings in a row`;
  const seconds = (evidence.silentMs / 1000).toFixed(1);
  return `left ${pings} unanswered and has been silent for ${seconds} s: ${words[reason]}`;
}
