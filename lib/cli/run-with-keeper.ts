import { type ChildProcess, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import os from 'node:os';
import { isatty } from 'node:tty';
import { binding } from '../guard/binding.js';
import { killTree } from '../guard/kill-tree.js';
import { guardOf } from '../guard/report.js';
import { spawn } from '../guard/spawn.js';
import { endSession } from './end-session.js';
import { complain } from './output.js';
import request from './run.cjs';
import { awaitCommand, endLeftovers } from './run-in-node.js';
import { forwardSignals } from './run-signals.js';
import { parentGone, watchParent } from './watch-parent.js';

// A signal to this very process may come to another thread of it, a moment later.
const deathPatienceMs = 1000;

/**
 * `procguard run` on macOS, which has nothing by which a small program could be told of its parent's end and end a tree:
 * this process stays, and is the host of the command. Resolves with the exit code, or dies by the signal that the command
 * died by. Throws `ERR_PROCGUARD_SYSTEM` where the parent can't be watched.
 */
export async function runWithKeeper(
  command: string,
  args: readonly string[],
  graceMs: number,
): Promise<number> {
  const descriptors = withoutChannel(request.given.descriptors);
  const ownSession = !hasTerminal();
  let child: ChildProcess | undefined;
  // launchd, which adopts those whose parent has ended, never ends itself.
  if (process.ppid > 1) await watchParent('kevent', () => endWithParent(child, graceMs));
  else if (binding().darwin?.isMadeBy(process.ppid) === false) throw parentGone();
  const ended = await awaitCommand(command, () => {
    child = spawn(command, args, {
      stdio: stdioOf(descriptors),
      detached: ownSession,
      guard: { graceMs },
    });
    if (child.pid === undefined) return child;
    forwardSignals(child, !ownSession);
    sayWhatIsLost(child);
    letGo(descriptors);
    return child;
  });
  if (typeof ended === 'number') return ended;
  const survivors = await endLeftovers(ended.child, graceMs);
  if (ownSession) survivors.push(...(await endSession(ended.child.pid as number, graceMs)));
  if (survivors.length > 0) say(`These could not be ended: ${survivors.join(' ')}`);
  return ended.signal === null ? (ended.code ?? 1) : dieBy(ended.signal);
}

/** A terminal's keys go to a whole process group: with one the command shares ours. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/** Node has taken its IPC channel for this process, so that the command can't have it; the parent is told that it is closed. */
function withoutChannel(descriptors: readonly number[]): number[] {
  const channel = (process.channel as { fd?: number } | undefined)?.fd;
  if (process.connected) process.disconnect?.();
  return descriptors.filter((fd) => fd !== channel);
}

function stdioOf(descriptors: readonly number[]): (number | 'ignore')[] {
  const stdio: (number | 'ignore')[] = [0, 1, 2];
  for (const fd of descriptors) {
    while (stdio.length < fd) stdio.push('ignore');
    stdio[fd] = fd;
  }
  return stdio;
}

function sayWhatIsLost(child: ChildProcess): void {
  const { link, downgrades } = guardOf(child);
  if (link === 'none')
    complain(`${downgrades[0]?.message ?? 'There is no keeper.'} The command is not guarded.`);
}

/** Whoever reads the command's output must see its end when the command closes it, and not only when we end. */
function letGo(descriptors: readonly number[]): void {
  for (const fd of descriptors) closeSync(fd);
  for (const fd of isatty(2) ? [0, 1] : [0, 1, 2]) {
    closeSync(fd);
    // It gets the lowest number that is free.
    openSync('/dev/null', constants.O_RDWR);
  }
  process.chdir('/');
}

/** The end of this process is what the keeper waits for. */
async function endWithParent(child: ChildProcess | undefined, graceMs: number): Promise<void> {
  if (child?.pid !== undefined && guardOf(child).link === 'none') {
    const how = graceMs > 0 ? ({ signal: 'SIGTERM', graceMs } as const) : ({ signal: 'SIGKILL' } as const);
    await killTree(child, how).catch(() => child.kill('SIGKILL'));
  }
  process.exit(1);
}

async function dieBy(signal: NodeJS.Signals): Promise<number> {
  if (signal !== 'SIGKILL') {
    // Node has a handler for some, and ignores SIGPIPE: when its last listener goes, a signal has its effect.
    process.on(signal, () => {});
    process.removeAllListeners(signal);
  }
  process.kill(process.pid, signal);
  await new Promise((resolve) => setTimeout(resolve, deathPatienceMs));
  return 128 + os.constants.signals[signal];
}

/** After letGo stderr may lead nowhere. */
function say(text: string): void {
  if (isatty(2)) complain(text);
  else spawnSync('logger', ['-t', 'procguard run', text]);
}
