import { fstatSync } from 'node:fs';
import { ProcguardError } from '../errors.js';
import { spawn } from '../guard/spawn.js';
import { complain } from './output.js';
import { awaitCommand, endLeftovers } from './run-in-node.js';
import { watchParent } from './watch-parent.js';
import { planCommand } from './windows-command.js';

// What a descriptor of the parent may be at most, besides stdin, stdout and stderr.
const lastDescriptor = 63;
const consoleSignals = ['SIGINT', 'SIGBREAK', 'SIGHUP'] as const;

/**
 * `procguard run` on Windows, where no process can become another program: this one stays, and the command is in its job.
 * Resolves with the exit code. Throws `ERR_PROCGUARD_PLATFORM_UNSUPPORTED` for a grace, and `ERR_PROCGUARD_SYSTEM` where
 * the parent can't be watched.
 */
export async function runInJob(command: string, args: readonly string[], graceMs: number): Promise<number> {
  if (graceMs > 0) {
    throw new ProcguardError(
      'ERR_PROCGUARD_PLATFORM_UNSUPPORTED',
      'Windows has no SIGTERM that a command could be asked by: leave --grace away.',
    );
  }
  // The console sends them to the command as well, and what that makes of them is what counts.
  for (const signal of consoleSignals) process.on(signal, () => {});
  // Before anything else is opened here.
  const stdio = descriptors();
  // Windows ends the job with this process.
  await watchParent('OpenProcess', () => process.exit(1));
  const ended = await awaitCommand(command, () => {
    const plan = planCommand(command, args);
    return spawn(plan.file, plan.args, { stdio, windowsVerbatimArguments: plan.isVerbatim });
  });
  if (typeof ended === 'number') return ended;
  const survivors = await endLeftovers(ended.child, 0);
  if (survivors.length > 0) complain(`These could not be ended: ${survivors.join(' ')}`);
  return ended.code ?? 1;
}

/** What the parent has given to this process: itself for each descriptor that is open, and nothing for the others. */
function descriptors(): (number | 'ignore')[] {
  const given: (number | 'ignore')[] = [0, 1, 2];
  let length = given.length;
  for (let fd = length; fd <= lastDescriptor; fd++) {
    const isOpen = isDescriptorOpen(fd);
    given.push(isOpen ? fd : 'ignore');
    if (isOpen) length = fd + 1;
  }
  return given.slice(0, length);
}

function isDescriptorOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}
