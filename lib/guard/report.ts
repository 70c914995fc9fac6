import type { ChildProcess } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { errnoName } from '../errors.js';
import { binding, type GuardStatus, hasJobs, isGuardedPlatform, keeperProgram } from './binding.js';
import { type GuardRecord, recordOf } from './handle.js';
import { kernelDowngrades, linkRefused, noKernel } from './kernel-downgrades.js';
import { describeProc } from './proc-errors.js';
import { capabilitiesOfJobs, guardByJob } from './report-job.js';
import { capabilitiesOfKeeper, guardByKeeper } from './report-keeper.js';

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

const platformDowngrade: Downgrade = {
  code: 'platform_unsupported',
  message: `procguard has no guard for ${process.platform} yet; children are started by Node alone.`,
  remedy: 'Run on Linux, macOS or Windows, or end the children yourself.',
};

const cgroupDowngrades: Record<NonNullable<GuardStatus['cgroupReason']>, Omit<Downgrade, 'code'>> = {
  disabled: { message: 'PROCGUARD_DISABLE names cgroup.', remedy: 'Unset PROCGUARD_DISABLE.' },
  'no-clone3': {
    message:
      'clone3 with CLONE_INTO_CGROUP is missing: the kernel is older than 5.7, or a sandbox refuses it.',
    remedy: 'Use a newer kernel, or a seccomp profile that allows clone3.',
  },
  'no-v2-mount': {
    message: 'No cgroup v2 hierarchy that shows this process is mounted.',
    remedy: 'Mount cgroup2, or boot with systemd.unified_cgroup_hierarchy=1.',
  },
  denied: {
    message: 'A cgroup may not be made below the one of this process.',
    remedy: 'Delegate the cgroup: Delegate=yes for a systemd unit, a writable cgroup mount for a container.',
  },
  'no-kill': { message: 'The kernel has no cgroup.kill (before 5.14).', remedy: 'Use a newer kernel.' },
  'no-keeper': { message: 'There is no keeper, so no cgroup was made.', remedy: 'See the keeper.' },
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
  const downgrades: Downgrade[] = [];
  const status = binding().guardStatus();
  let tree: Guard['tree'] = 'none';
  if (record.policy.containment === 'tree') {
    const { cgroupError } = record.native;
    tree = cgroupError === 0 ? 'cgroup' : 'mark';
    if (cgroupError !== 0) downgrades.push(cgroupDowngrade(status, cgroupError));
    if (isKeeperless(status)) tree = 'none';
  }
  downgrades.push(...keeperDowngrades(status));
  if (record.policy.graceMs > 0 && !record.native.registered) {
    downgrades.push({
      code: 'grace_lost',
      message: 'Nobody sends SIGTERM when the host dies: the kernel sends SIGKILL at once, without graceMs.',
      remedy: 'See the keeper; only that can wait graceMs.',
    });
  }
  if (!record.native.registered && !isKeeperless(status)) {
    downgrades.push({
      code: 'registry_full',
      message:
        'More children run than the keeper has room for; it finds this one by its cgroup or mark only.',
      remedy: 'Run fewer than 32767 children in one host.',
    });
  }
  let link: Guard['link'] = 'pdeathsig';
  if (record.policy.graceMs > 0 && record.native.registered) {
    link = 'none';
    downgrades.push({
      code: 'grace_needs_keeper',
      message: `When the host dies the keeper sends SIGTERM, and SIGKILL ${record.policy.graceMs} ms later; the kernel sends nothing.`,
      remedy: 'Leave graceMs at 0 for a SIGKILL by the kernel itself.',
    });
  } else if ((record.native.linkError ?? 0) !== 0) {
    link = 'none';
    downgrades.push(linkRefused(` (${errnoName(record.native.linkError as number)})`));
  } else if (hasChangedCredentials(child, record)) {
    link = 'none';
    downgrades.push({
      code: 'link_cleared',
      message:
        'The child has changed its user or group (by a set-user-id program, setuid or their like): the kernel drops PDEATHSIG then.',
      remedy: 'Give the user and group with the options uid and gid instead.',
    });
  }
  return { link, tree, downgrades };
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
  const addon = binding();
  if (addon.darwin !== undefined) return capabilitiesOfKeeper();
  const status = addon.guardStatus();
  const kernel = addon.features();
  const downgrades = [...kernelDowngrades(kernel), ...keeperDowngrades(status)];
  if (status.cgroup === '') downgrades.push(cgroupDowngrade(status, 0));
  return {
    platform: process.platform,
    link: kernel.pdeathsig ? 'pdeathsig' : 'none',
    tree: isKeeperless(status) ? 'none' : status.cgroup === '' ? 'mark' : 'cgroup',
    kernel,
    keeper: { state: status.keeper, pid: status.keeperPid, restarts: status.keeperRestarts },
    cgroup: status.cgroup === '' ? undefined : status.cgroup,
    downgrades,
  };
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

function isKeeperless({ keeper }: GuardStatus): boolean {
  return keeper === 'stopped' || keeper === 'failed';
}

function keeperDowngrades({ keeper, keeperError }: GuardStatus): Downgrade[] {
  const why = keeperError === 0 ? '' : ` (${errnoName(-keeperError)})`;
  switch (keeper) {
    case 'stopped':
      return [
        keeperNeedsProc(keeperError) ?? {
          code: 'keeper_disabled',
          message: 'PROCGUARD_DISABLE names keeper: only direct children die with the host.',
          remedy: 'Unset PROCGUARD_DISABLE.',
        },
      ];
    case 'failed':
      return [
        {
          code: 'keeper_failed',
          message: `The keeper can't be kept running${why}: only direct children die with the host.`,
          remedy: keeperRemedy(keeperError),
        },
      ];
    case 'restarting':
      return [
        {
          code: 'keeper_restarting',
          message:
            'The keeper has died and another is being started; until then only direct children die with the host.',
          remedy: 'Ask again in a moment.',
        },
      ];
    default:
      return [];
  }
}

function keeperRemedy(error: number): string {
  if (errnoName(-error) !== 'EACCES') return 'Look for procguard-keeper in the system log.';
  return `Its file may not be executed: chmod +x '${keeperProgram()}'; or its file system is mounted with noexec: install procguard on another.`;
}

function keeperNeedsProc(error: number): Downgrade | undefined {
  const proc = describeProc(-error);
  if (proc === undefined) return undefined;
  return {
    code: 'keeper_needs_proc',
    message: `${proc.message}: no keeper runs, only direct children die with the host, and it can't be seen whether one has dropped its link.`,
    remedy: proc.remedy,
  };
}

function cgroupDowngrade(status: GuardStatus, childError: number): Downgrade {
  const { cgroupReason } = status;
  if (cgroupReason === undefined) {
    return {
      code: 'cgroup_refused',
      message: `This child could not be born in the host's cgroup (${errnoName(childError)}); its tree is found by its mark.`,
      remedy: 'Check that nothing else removes or freezes the cgroup of the host.',
    };
  }
  const why = status.cgroupError === 0 ? '' : ` (${errnoName(-status.cgroupError)})`;
  const { message, remedy } = cgroupDowngrades[cgroupReason];
  return {
    code: `cgroup_${cgroupReason.replaceAll('-', '_')}`,
    message: `${message}${why} Trees are found by their mark: a descendant that clears its environment escapes.`,
    remedy,
  };
}

// A change of the effective or file system ids clears PDEATHSIG, be it by exec or by the child's own doing.
function hasChangedCredentials(child: ChildProcess, record: GuardRecord): boolean {
  const uid = record.uid ?? process.geteuid?.() ?? 0;
  const gid = record.gid ?? process.getegid?.() ?? 0;
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const changed = (field: string, expected: number) =>
      !new RegExp(`^${field}:\\s+\\d+\\s+${expected}\\s+\\d+\\s+${expected}$`, 'm').test(status);
    if (changed('Uid', uid) || changed('Gid', gid)) return true;
    // Right after the start of a set-user-id program its new ids don't show yet.
    const program = statSync(`/proc/${child.pid}/exe`);
    return (
      ((program.mode & 0o4000) !== 0 && program.uid !== uid) ||
      ((program.mode & 0o2000) !== 0 && program.gid !== gid)
    );
  } catch (error) {
    // A program that may not be looked at runs as somebody else; other errors mean that it has ended.
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}
