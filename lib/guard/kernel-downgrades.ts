import type { Capabilities, Downgrade } from './guarantees.js';

/** Elsewhere than on Linux. */
export const noKernel: Capabilities['kernel'] = {
  pidfd: false,
  pidfdSignal: false,
  waitidPidfd: false,
  clone3: false,
  sharedChild: false,
  pdeathsig: false,
};

/** What the kernel lacks, or a sandbox refuses; each has a fallback, but for the link. */
export function kernelDowngrades(kernel: Capabilities['kernel']): Downgrade[] {
  const downgrades: Downgrade[] = [];
  if (!kernel.pidfd) {
    downgrades.push({
      code: 'no_pidfd',
      message:
        'pidfds are missing (before 5.3, or a sandbox): exits are learned from SIGCHLD, pids checked by start time.',
      remedy: 'Use a newer kernel, or a seccomp profile that allows pidfd_open.',
    });
  } else {
    if (!kernel.waitidPidfd) {
      downgrades.push({
        code: 'no_waitid_pidfd',
        message: 'waitid(P_PIDFD) is missing (before 5.4, or a sandbox): children are reaped by pid.',
        remedy: 'Use a newer kernel.',
      });
    }
    if (!kernel.pidfdSignal) {
      downgrades.push({
        code: 'no_pidfd_signal',
        message: 'A sandbox refuses pidfd_send_signal: signals go to pids, checked by start time.',
        remedy: 'Use a seccomp profile that allows pidfd_send_signal.',
      });
    }
  }
  if (!kernel.clone3) {
    downgrades.push({
      code: 'no_clone3',
      message:
        'clone3 is missing (before 5.7, or a sandbox): children are started with clone, without a cgroup.',
      remedy: 'Use a newer kernel, or a seccomp profile that allows clone3.',
    });
  }
  if (!kernel.sharedChild) {
    downgrades.push({
      code: 'no_shared_child',
      message:
        'An emulator of another processor makes a plain fork of each start, which takes the longer the more memory the host has.',
      remedy: 'Run on such a processor itself.',
    });
  }
  if (!kernel.pdeathsig) downgrades.push(linkRefused(''));
  return downgrades;
}

/** `why` ends the sentence: empty, or the error in parentheses. */
export function linkRefused(why: string): Downgrade {
  return {
    code: 'link_refused',
    message: `A sandbox refuses prctl(PR_SET_PDEATHSIG)${why}: the kernel doesn't end the child with its host, only the keeper does.`,
    remedy: 'Use a seccomp profile that allows prctl.',
  };
}
