import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { addon } from '../guard/binding.js';
import { spawn } from '../guard/spawn.js';

// The script gives its watchdog thirty seconds, and PowerShell itself may take as long to start.
const launchMs = 60_000;
// What has been written arrives a moment after the writer's end.
const lastWordsMs = 1000;
const lookMs = 250;
const proof = /watching (\d+) (\d+)\r?\n/;
// From 1601, where Windows begins to count, to 1970.
const epochOffsetUs = 11_644_473_600_000_000n;

export interface LaunchEvents {
  readonly watching: () => void;
  /** The watchdog, which was watching, has ended. */
  readonly ended: () => void;
  /** There is no watchdog, or none that is known of. */
  readonly failed: (reason: string) => void;
}

/**
 * Starts `watchdog.ps1`, which starts the watchdog outside of Node's job, says who that is once it watches, and ends.
 * Returns how to let go of both. Throws what `spawn` throws.
 */
export function launchWatchdog(script: string, args: readonly string[], events: LaunchEvents): () => void {
  const options = ['-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', script];
  // Not detached: PowerShell without a console ends at once, with code 0. The script detaches itself.
  const launcher = spawn(powerShell(), [...options, ...args, '-Launch'], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    guard: false,
  });
  let stopWatching = () => {};
  let isOver = false;
  const settle = (act: () => void) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(deadline);
    act();
  };
  const fail = (reason: string) => settle(() => events.failed(reason));
  const tooLate = () => {
    launcher.kill();
    fail(`powershell.exe did not say within ${launchMs / 1000} seconds that it watches`);
  };
  let deadline = setTimeout(tooLate, launchMs).unref();
  readWords(launcher, (words) => {
    const line = proof.exec(words);
    if (line === null) return;
    settle(() => {
      stopWatching = watch(Number(line[1]), startOf(line[2] as string), events);
    });
  });
  let lastError = '';
  launcher.stderr?.on('data', (chunk: Buffer) => {
    lastError = `${lastError}${chunk}`.slice(-500);
  });
  launcher.once('error', (error) => fail(error.message));
  launcher.once('exit', (code) => {
    if (isOver) return;
    clearTimeout(deadline);
    const why = () =>
      fail(withWords(`powershell.exe ended with code ${code} and did not say that it watches`, lastError));
    deadline = setTimeout(() => setImmediate(why), lastWordsMs).unref();
  });
  return () => {
    settle(() => {});
    stopWatching();
  };
}

/** Of Windows itself: a program of that name in the current folder, or first in PATH, would run instead. */
function powerShell(): string {
  const windows = process.env.SystemRoot ?? 'C:\\Windows';
  return path.join(windows, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
}

/** Without PSModulePath: where PowerShell 7 started this host, that leads Windows PowerShell to modules that it can't load. */
function environment(): NodeJS.ProcessEnv {
  const variables = Object.entries(process.env);
  return Object.fromEntries(variables.filter(([name]) => name.toUpperCase() !== 'PSMODULEPATH'));
}

// None of it holds the program open: a host that ends normally is a dead host too.
function readWords(launcher: ChildProcess, take: (words: string) => void): void {
  launcher.unref();
  for (const stream of [launcher.stdout, launcher.stderr]) {
    (stream as unknown as { unref?(): void } | null)?.unref?.();
    stream?.on('error', () => {});
  }
  let words = '';
  launcher.stdout?.on('data', (chunk: Buffer) => {
    words = `${words}${chunk}`.slice(-1000);
    take(words);
  });
}

function withWords(reason: string, words: string): string {
  const text = words.replace(/\s+/g, ' ').trim();
  return text === '' ? reason : `${reason}: ${text}`;
}

/** From the time of a file, in units of 100 ns, to what the addon counts in. */
function startOf(fileTime: string): number {
  return Number(BigInt(fileTime) / 10n - epochOffsetUs);
}

function watch(pid: number, startTicks: number, events: LaunchEvents): () => void {
  try {
    return watchEnd(pid, startTicks, events);
  } catch {
    // There is no addon. The watchdog is one for workers without it, too.
    return lookForEnd(pid, events);
  }
}

function watchEnd(pid: number, startTicks: number, { watching, ended, failed }: LaunchEvents): () => void {
  const native = new (addon().GuardedProcess)();
  const error = native.open(pid, startTicks, () => {
    native.close();
    ended();
  });
  if (error !== 0) {
    failed(`it is process ${pid}, and its end can't be watched (error ${error})`);
    return () => {};
  }
  native.setReferenced(false);
  watching();
  return () => native.close();
}

// If another process gets the id at once, the end is never seen, and no other watchdog follows.
function lookForEnd(pid: number, { watching, ended }: LaunchEvents): () => void {
  const timer = setInterval(() => {
    try {
      process.kill(pid, 0);
    } catch {
      clearInterval(timer);
      ended();
    }
  }, lookMs).unref();
  watching();
  return () => clearInterval(timer);
}
