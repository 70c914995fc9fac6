/** Stable: match on it. */
export type AlertCode =
  | 'crash_loop'
  | 'slot_failed'
  | 'worker_unresponsive'
  | 'worker_stalled'
  | 'queue_full'
  | 'cleanup_failed'
  | 'watchdog_failed'
  | 'loop_lag'
  | 'guard_downgraded'
  | 'keeper_lost'
  | 'memory_growth';

/** `critical`: requests fail, or processes are left. `warning`: the pool has helped itself, or may still. */
export type Severity = 'warning' | 'critical';

/** Something that a person should know of. */
export interface Alert {
  readonly code: AlertCode;
  readonly severity: Severity;
  readonly at: Date;
  /** The pool's `name`. */
  readonly pool: string;
  /** Undefined when it is about no slot in particular. */
  readonly slot: number | undefined;
  /** What happened, in one sentence. */
  readonly message: string;
  /** What to do, in one sentence. */
  readonly advice: string;
  /** What it rests on; the fields depend on the code. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** How many of the same code and slot were left out since the last one. */
  readonly suppressed: number;
}

export const kinds: Readonly<Record<AlertCode, Pick<Alert, 'severity' | 'advice'>>> = {
  crash_loop: {
    severity: 'critical',
    advice:
      'See how the worker ends in the evidence: SIGKILL out of nowhere is mostly a lack of memory, SIGSEGV a fault in native code, and an exit code comes with lines of stderr. Of workers that hang there are the stacks.',
  },
  slot_failed: {
    severity: 'critical',
    advice: 'Mend what the error in the evidence says, then call pool.revive().',
  },
  worker_unresponsive: {
    severity: 'warning',
    advice:
      'See in the evidence what the worker waits for. Stacks, where there are any, mostly show a lock, or a call that holds the GIL and has no timeout of its own; in Node it is mostly a synchronous call. Of a stopped one find who sent SIGSTOP; one in uninterruptible sleep waits for a disk or a network file system.',
  },
  worker_stalled: {
    severity: 'warning',
    advice:
      'Give calls that compute for long a timeoutMs of their own, or let the native code release the GIL meanwhile.',
  },
  queue_full: {
    severity: 'critical',
    advice: 'Add workers with pool.resize(), send less, or raise maxQueue if the peak is short.',
  },
  cleanup_failed: {
    severity: 'critical',
    advice:
      'Look at the processes in the evidence with ps: one in state D waits for a disk or a network file system, and one of another user must be ended by that user or root.',
  },
  watchdog_failed: {
    severity: 'warning',
    advice:
      'Start watchdog/watchdog.sh of the package by hand with /bin/sh, or watchdog.ps1 with PowerShell, as docs/watchdog.md shows, and see what it says.',
  },
  loop_lag: {
    severity: 'warning',
    advice:
      'Find what keeps the host busy with node --cpu-prof, and move it into a worker or cut it into pieces.',
  },
  guard_downgraded: {
    severity: 'warning',
    advice:
      'Do what the remedy of each downgrade in the evidence says, or ask for less with the option guard if that much is enough.',
  },
  // Nothing is left behind while the host lives, and another starts at once. Where none can be kept running, `guard_downgraded` says so.
  keeper_lost: {
    severity: 'warning',
    advice:
      'Find who ends procguard-keeper: SIGKILL comes from a lack of memory (see the kernel log) or from a script that kills processes by name.',
  },
  memory_growth: {
    severity: 'warning',
    advice:
      'Look for the leak with tracemalloc, or let workers be replaced in time with maxRequests or maxRssBytes.',
  },
};
