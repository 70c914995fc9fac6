import type { ChildProcess } from 'node:child_process';
import { binding, hasJobs, isGuardedPlatform } from './binding.js';
import type { Capabilities, Downgrade, Guard } from './guarantees.js';
import { type GuardRecord, recordOf } from './handle.js';
import { noKernel } from './kernel-downgrades.js';
import { capabilitiesOfJobs, guardByJob } from './report-job.js';
import { capabilitiesOfKeeper, guardByKeeper } from './report-keeper.js';
import { capabilitiesOfLinux, guardOnLinux } from './report-linux.js';

const platformDowngrade: Downgrade = {
  code: 'platform_unsupported',
  message: `procguard has no guard for ${process.platform} yet; children are started by Node alone.`,
  remedy: 'Run on Linux, macOS or Windows, or end the children yourself.',
};

/**
 * What guards this child, as it stands now. Takes a few system calls; never throws.
 *
 * ```ts
 * const { link, tree, downgrades } = guardOf(spawn('python3', ['worker.py']));
 * for (const { code, message, remedy } of downgrades) console.warn(code, message, remedy);
 * ```
 */
export function guardOf(child: ChildProcess): Guard {
  if (!isGuardedPlatform) return { link: 'none', tree: 'none', downgrades: [platformDowngrade] };
  const record = recordOf(child);
  if (record === undefined || record.state !== 'guarded') {
    return { link: 'none', tree: 'none', downgrades: [whyUnguarded(record)] };
  }
  if (hasJobs) return guardByJob(record);
  const { darwin } = binding();
  if (darwin !== undefined) return guardByKeeper(child, record, darwin);
  return guardOnLinux(child, record);
}

/**
 * What this machine allows, found by trying: starts the keeper if none runs yet. Throws
 * `ERR_PROCGUARD_ADDON_UNAVAILABLE` where the platform has a guard but the addon is missing.
 *
 * ```ts
 * if (capabilities().tree === 'none') throw new Error('not on this machine');
 * ```
 */
export function capabilities(): Capabilities {
  if (!isGuardedPlatform) {
    return {
      platform: process.platform,
      link: 'none',
      tree: 'none',
      kernel: noKernel,
      keeper: { state: 'stopped', pid: 0, restarts: 0 },
      cgroup: undefined,
      downgrades: [platformDowngrade],
    };
  }
  if (hasJobs) return capabilitiesOfJobs();
  return binding().darwin === undefined ? capabilitiesOfLinux() : capabilitiesOfKeeper();
}

function whyUnguarded(record: GuardRecord | undefined): Downgrade {
  if (record?.state === 'left') {
    return {
      code: 'detached',
      message: 'The child was started with detached: true, which asks for a child that may outlive its host.',
      remedy: 'Start it with procguard.spawn, which guards detached children too.',
    };
  }
  if (record?.state === 'pending') {
    return {
      code: 'not_started',
      message: 'The child could not be started.',
      remedy: "See its 'error' event.",
    };
  }
  return {
    code: 'unguarded',
    message: 'The child was started with guard: false, or by Node alone.',
    remedy: "Start it with procguard.spawn, or import 'procguard/register'.",
  };
}
