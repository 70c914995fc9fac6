// What the server tells the page. Without imports: the page is compiled for browsers.

export interface PoolView {
  readonly name: string;
  readonly stage: 'open' | 'draining' | 'closed';
  readonly size: number;
  readonly ready: number;
  readonly failed: number;
  readonly queued: number;
  readonly inFlight: number;
  readonly succeeded: number;
  readonly rejected: number;
  readonly cancelled: number;
  /** Requests that ended in the last second. */
  readonly ratePerS: number;
  /** Of those: how long workers had them. Null where no request events are published. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

/** One slot. All values are plain, so that a change is found by comparing them. */
export interface WorkerRow {
  readonly key: string;
  /** Index in `pools`. */
  readonly pool: number;
  readonly slot: number;
  readonly worker: number | null;
  readonly pid: number | null;
  /** What health says; of a slot without a worker, its state. */
  readonly verdict: string;
  readonly reason: string | null;
  readonly isLeaving: boolean;
  /** On the clock of `nowMs` of the same message. */
  readonly startedAtMs: number | null;
  readonly inFlight: number;
  readonly requests: number;
  readonly restarts: number;
  readonly pingMs: number | null;
  /** Mean of the requests that ended in the last second. */
  readonly latencyMs: number | null;
  /** Of the worker with its descendants; 1 is one core. */
  readonly cpuShare: number | null;
  readonly rssBytes: number | null;
  readonly processes: number | null;
  readonly guard: string | null;
  readonly guardLevel: GuardLevel | null;
  /** Of the oldest request that it has. */
  readonly method: string | null;
  readonly methodSinceMs: number | null;
  /** Why the last start failed. */
  readonly error: string | null;
  /** Of the worker that the slot had before. */
  readonly endedPid: number | null;
  readonly endedHow: string | null;
  readonly endedAtMs: number | null;
  /** It was not asked to. */
  readonly endedBadly: boolean;
}

/** `full`: kernel and keeper. `partial`: one of them. */
export type GuardLevel = 'full' | 'partial' | 'none';

export interface LogEntry {
  /** A later entry with the same id takes the place of an earlier one. */
  readonly id: string;
  readonly atMs: number;
  readonly kind: string;
  readonly level: 'info' | 'good' | 'warning' | 'critical';
  readonly pool: string | null;
  readonly slot: number | null;
  readonly text: string;
}

export interface AlertView {
  readonly id: string;
  readonly atMs: number;
  readonly code: string;
  readonly severity: 'warning' | 'critical';
  readonly pool: string;
  readonly slot: number | null;
  readonly message: string;
  readonly advice: string;
  readonly evidence: string;
  readonly suppressed: number;
}

/** Sent first, and again after a reconnect. */
export interface Snapshot {
  readonly nowMs: number;
  readonly host: { readonly pid: number; readonly node: string; readonly platform: string };
  readonly pools: readonly PoolView[];
  readonly workers: readonly WorkerRow[];
  readonly log: readonly LogEntry[];
  readonly alerts: readonly AlertView[];
}

/** What has changed since the message before. */
export interface Delta {
  readonly nowMs: number;
  /** By index. */
  readonly pools?: readonly (Partial<PoolView> & { readonly index: number })[];
  readonly workers?: readonly (Partial<WorkerRow> & { readonly key: string })[];
  readonly gone?: readonly string[];
  readonly log?: readonly LogEntry[];
  readonly alerts?: readonly AlertView[];
}

export interface ProcessView {
  readonly pid: number;
  readonly parent: number;
  readonly depth: number;
  readonly command: string;
  readonly rssBytes: number | null;
  /** It left the session of the worker. */
  readonly isDetached: boolean;
  readonly isStopped: boolean;
}

/** One worker, looked into. */
export interface WorkerDetail {
  readonly nowMs: number;
  readonly slot: number;
  readonly worker: number | null;
  readonly pid: number | null;
  readonly processes: readonly ProcessView[];
  readonly guard: {
    readonly link: string;
    readonly tree: string;
    readonly downgrades: readonly {
      readonly code: string;
      readonly message: string;
      readonly remedy: string;
    }[];
  } | null;
  readonly requests: readonly {
    readonly method: string;
    readonly ageMs: number;
    readonly leftMs: number | null;
  }[];
  readonly handlers: readonly string[];
  readonly stderr: readonly string[];
}

export interface Session {
  readonly isAuthenticated: boolean;
  readonly needsToken: boolean;
  readonly actions: boolean;
}
