import type { ChildProcess } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { errnoName } from '../errors.js';
import { binding, type GuardStatus, keeperProgram } from './binding.js';
import type { Capabilities, Downgrade, Guard } from './guarantees.js';
import type { GuardRecord } from './handle.js';
import { kernelDowngrades, linkRefused } from './kernel-downgrades.js';
import { describeProc } from './proc-errors.js';
import { unregistered } from './unregistered.js';

/*
 * What holds on Linux: the kernel is the link, and the keeper ends the tree, by a cgroup or the mark.
 */

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

/** What guards this child of ours. */
export function guardOnLinux(child: ChildProcess, record: GuardRecord): Guard {
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
    downgrades.push(unregistered(record, 'it finds this one by its cgroup or mark only'));
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

/** What this machine allows. */
export function capabilitiesOfLinux(): Capabilities {
  const addon = binding();
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
  return allowToExecute(keeperProgram());
}

/** What to do about a program of the package that may not be executed. */
export function allowToExecute(file: string): string {
  return `Its file may not be executed: chmod +x '${file}'; or its file system is mounted with noexec: install procguard on another.`;
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
