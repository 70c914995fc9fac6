import { binding } from './binding.js';
import type { Capabilities, Downgrade, Guard } from './guarantees.js';
import type { GuardRecord } from './handle.js';
import { noKernel } from './kernel-downgrades.js';

/** What guards this child of ours on Windows. */
export function guardByJob(record: GuardRecord): Guard {
  const { policy, native } = record;
  const { childNumber, jobError = 0 } = native;
  const isInJob = childNumber !== 0;
  const downgrades: Downgrade[] = [];
  if (!isInJob) downgrades.push(jobDenied(jobError));
  else if (jobError !== 0) downgrades.push(assignedLate(jobError));
  if (policy.graceMs > 0) downgrades.push(graceUnsupported);
  return {
    link: isInJob ? 'job-object' : 'none',
    tree: isInJob && policy.containment === 'tree' ? 'job-object' : 'none',
    downgrades,
  };
}

/** What this machine allows. */
export function capabilitiesOfJobs(): Capabilities {
  const error = binding().jobError();
  return {
    platform: process.platform,
    link: error === 0 ? 'job-object' : 'none',
    tree: error === 0 ? 'job-object' : 'none',
    kernel: noKernel,
    keeper: { state: 'stopped', pid: 0, restarts: 0 },
    cgroup: undefined,
    downgrades: error === 0 ? [] : [jobDenied(error)],
  };
}

const graceUnsupported: Downgrade = {
  code: 'grace_unsupported',
  message: 'When the host dies Windows ends the tree at once: there is no keeper that could wait graceMs.',
  remedy: 'Leave graceMs at 0, and let the child save its work as it goes.',
};

function jobDenied(error: number): Downgrade {
  return {
    code: 'job_denied',
    message: `Windows refuses a job for this child (error ${error}): nothing ends it, or what it starts, when the host dies.`,
    remedy:
      'Look at the job that this program itself runs in, and at what security software forbids; end the child by killTree.',
  };
}

function assignedLate(error: number): Downgrade {
  return {
    code: 'job_assigned_late',
    message: `The child was not born in its job (error ${error}), but put into it after its start: a host that dies in between leaves it behind.`,
    remedy:
      'Give its stdio as pipes or descriptors rather than as streams; otherwise look at the job that this program itself runs in.',
  };
}
