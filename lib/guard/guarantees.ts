import type { GuardStatus } from './binding.js';

/** Something that is weaker than it could be, and how to mend it. `code` is stable. */
export interface Downgrade {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** What ties one child's life to its host's. */
export interface Guard {
  /** What ends the child itself: the kernel, or on macOS, where it can't, the keeper. */
  readonly link: 'pdeathsig' | 'job-object' | 'keeper' | 'none';
  /** What ends the child's descendants. `none` is also what `containment: 'process'` asks for. */
  readonly tree: 'cgroup' | 'mark' | 'job-object' | 'none';
  readonly downgrades: readonly Downgrade[];
}

/** What this machine allows, found by trying. */
export interface Capabilities extends Guard {
  readonly platform: NodeJS.Platform;
  /** The means of the Linux kernel that are in use; what is missing has a fallback. */
  readonly kernel: {
    readonly pidfd: boolean;
    readonly pidfdSignal: boolean;
    readonly waitidPidfd: boolean;
    readonly clone3: boolean;
    readonly sharedChild: boolean;
    readonly pdeathsig: boolean;
  };
  readonly keeper: {
    readonly state: GuardStatus['keeper'];
    /** 0 while there is none. */
    readonly pid: number;
    /** How often another one had to be started. */
    readonly restarts: number;
  };
  /** The directory of the host's cgroup, if it has one. */
  readonly cgroup: string | undefined;
}
