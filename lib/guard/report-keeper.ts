import type { ChildProcess } from 'node:child_process';
import { errnoName } from '../errors.js';
import { binding, type DarwinProcesses, type GuardStatus } from './binding.js';
import type { Capabilities, Downgrade, Guard } from './guarantees.js';
import type { GuardRecord } from './handle.js';
import { noKernel } from './kernel-downgrades.js';
import { unregistered } from './unregistered.js';

/*
 * What holds on macOS. The kernel has no means to end a child with its host, so that the keeper is link and tree at once.
 */

/** What guards this child of ours. */
export function guardByKeeper(child: ChildProcess, record: GuardRecord, darwin: DarwinProcesses): Guard {
  const { policy, native } = record;
  const status = binding().guardStatus();
  const downgrades = keeperDowngrades(status);
  if (isKeeperless(status)) return { link: 'none', tree: 'none', downgrades };
  const isTree = policy.containment === 'tree' && !isListless(status);
  const hidesMark = isTree && child.pid !== undefined && darwin.hidesMark(child.pid);
  if (hidesMark) downgrades.push(markWithheld);
  if (native.registered) return { link: 'keeper', tree: isTree ? 'mark' : 'none', downgrades };
  const isFound = isTree && !hidesMark;
  const { registryError = 0 } = native;
  if (registryError !== 0) downgrades.push(keeperBlind(errnoName(registryError), isFound));
  else downgrades.push(unregistered(record, isFound ? foundByMark : notFound));
  return { link: isFound ? 'keeper' : 'none', tree: isFound ? 'mark' : 'none', downgrades };
}

/** What this machine allows. */
export function capabilitiesOfKeeper(): Capabilities {
  const status = binding().guardStatus();
  const isKept = !isKeeperless(status);
  return {
    platform: process.platform,
    link: isKept ? 'keeper' : 'none',
    tree: isKept && !isListless(status) ? 'mark' : 'none',
    kernel: noKernel,
    keeper: { state: status.keeper, pid: status.keeperPid, restarts: status.keeperRestarts },
    cgroup: undefined,
    downgrades: keeperDowngrades(status),
  };
}

function isKeeperless({ keeper }: GuardStatus): boolean {
  return keeper === 'stopped' || keeper === 'failed';
}

/** The keeper can't see which processes there are. */
function isListless({ listError = 0 }: GuardStatus): boolean {
  return listError !== 0;
}

function keeperDowngrades(status: GuardStatus): Downgrade[] {
  const { keeper, keeperError, listError = 0 } = status;
  const blind = isListless(status) ? [keeperListless(errnoName(listError))] : [];
  const why = keeperError === 0 ? '' : ` (${errnoName(-keeperError)})`;
  switch (keeper) {
    case 'stopped':
      return [
        {
          code: 'keeper_disabled',
          message: 'PROCGUARD_DISABLE names keeper: on macOS nothing else ends children with their host.',
          remedy: 'Unset PROCGUARD_DISABLE.',
        },
      ];
    case 'failed':
      return [
        {
          code: 'keeper_failed',
          message: `The keeper can't be kept running${why}: on macOS nothing else ends children with their host.`,
          remedy: 'Look for procguard-keeper in the system log; check that its file may be executed.',
        },
      ];
    case 'restarting':
      return [
        {
          code: 'keeper_restarting',
          message:
            'The keeper has died and another is being started; a host that dies before that leaves its children.',
          remedy: 'Ask again in a moment.',
        },
        ...blind,
      ];
    default:
      return blind;
  }
}

function keeperListless(error: string): Downgrade {
  return {
    code: 'keeper_blind',
    message: `The process table can't be read (${error}): the keeper ends children that are registered, and nothing that they have started.`,
    remedy: 'Allow sysctl kern.proc in the sandbox of the host.',
  };
}

function keeperBlind(error: string, isFound: boolean): Downgrade {
  return {
    code: 'keeper_blind',
    message: `The process table could not be asked for this child (${error}), so that the keeper doesn't know it${isFound ? ': it finds it by its mark' : ''}.`,
    remedy: 'Allow sysctl kern.proc in the sandbox of the host.',
  };
}

const markWithheld: Downgrade = {
  code: 'mark_withheld',
  message:
    "macOS withholds the environment of this program, one of Apple's own that it protects, so that its mark can't be read: a descendant that is such a program too escapes if it is orphaned, in a session and group of its own, before the host dies.",
  remedy: 'Start programs that are not part of macOS, such as a shell or an interpreter of your own.',
};

const foundByMark = 'it finds this one by its mark only';
const notFound = 'it has nothing else to find this one by';
