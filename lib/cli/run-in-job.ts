import { fstatSync } from 'node:fs';
import { errnoName, ProcguardError } from '../errors.js';
import { binding } from '../guard/binding.js';
import { killTree } from '../guard/kill-tree.js';
import { withLeftovers } from '../guard/leftovers.js';
import { readProcessTable } from '../guard/process-table.js';
import { spawn } from '../guard/spawn.js';
import { complain } from './output.js';
import { planCommand } from './windows-command.js';

// As a shell has them.
const notFound = 127;
const notExecutable = 126;
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
  const given = descriptors();
  await watchParent();
  return start(command, args, given);
}

async function start(
  command: string,
  args: readonly string[],
  given: readonly (number | 'ignore')[],
): Promise<number> {
  let child: ReturnType<typeof spawn>;
  try {
    const plan = planCommand(command, args);
    child = spawn(plan.file, plan.args, {
      stdio: [...given],
      windowsVerbatimArguments: plan.isVerbatim,
    });
  } catch (error) {
    if (error instanceof ProcguardError) throw error;
    return cannotStart(command, error as NodeJS.ErrnoException);
  }
  const end = await new Promise<number | NodeJS.ErrnoException>((resolve) =>
    child.once('exit', (code) => resolve(code ?? 1)).once('error', resolve),
  );
  if (typeof end !== 'number') return cannotStart(command, end);
  if ((await withLeftovers([child])).length > 0) {
    const { survivors } = await killTree(child, { signal: 'SIGKILL' });
    if (survivors.length > 0) complain(`These could not be ended: ${survivors.join(' ')}`);
  }
  return end;
}

function cannotStart(command: string, { code }: NodeJS.ErrnoException): number {
  if (code === 'ENOENT') {
    complain(`${command}: not found`);
    return notFound;
  }
  complain(`${command}: can't be executed (${code})`);
  return notExecutable;
}

/** Ends this process, and so the job, when the one that has started it ends. */
async function watchParent(): Promise<void> {
  const table = await readProcessTable();
  const startTicks = table.get(process.ppid)?.startTicks ?? 0;
  // The number of a parent that has ended may be a younger stranger's.
  const isGone = table.get(process.pid)?.parent !== process.ppid;
  if (isGone && (startTicks !== 0 || !table.has(process.ppid))) throw parentGone();
  const watched = new (binding().GuardedProcess)();
  const error = watched.open(process.ppid, startTicks, () => process.exit(1));
  if (error !== 0) {
    throw new ProcguardError(
      'ERR_PROCGUARD_SYSTEM',
      `The end of process ${process.ppid}, which has started procguard, can't be watched (${errnoName(error)}). Start procguard from a process of the same user.`,
      { errno: error, syscall: 'OpenProcess' },
    );
  }
  watched.setReferenced(false);
}

function parentGone(): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_SYSTEM',
    'The process that has started procguard is gone, and with it the reason to run the command.',
  );
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
