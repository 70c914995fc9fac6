import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nowMs } from '../clock.js';
import { spawn } from '../guard/spawn.js';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../watchdog');
const isWindows = process.platform === 'win32';
// One that ends sooner would be started over and over.
const settledMs = 1000;
// It may see the end of its worker before this process does.
const patienceMs = 200;
// Requirement 4.3.
const termGraceMs = 3000;

export interface WatchdogOptions {
  /** What the worker's guard promises it, in milliseconds; the watchdog gives it at least three seconds. */
  readonly graceMs: number;
  /** A text that stands in the environment of this worker, and of no other. */
  readonly token: string;
  /** Called when the worker has no watchdog any more, and gets none. */
  readonly failed: (reason: string) => void;
}

/**
 * Starts the watchdog of one worker, `watchdog/watchdog.sh`, which outlives this process and then ends the worker. One that
 * is killed is followed by another. It leaves when the worker ends. Never throws: see `failed`.
 */
export function startWatchdog(worker: ChildProcess, options: WatchdogOptions): void {
  new Watchdog(worker, options);
}

class Watchdog {
  #process: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    private readonly worker: ChildProcess,
    private readonly options: WatchdogOptions,
  ) {
    worker.once('exit', () => this.#leave());
    this.#start();
  }

  #start(): void {
    const startedAtMs = nowMs();
    let watchdog: ChildProcess;
    try {
      watchdog = startScript(this.worker.pid as number, this.options);
    } catch (error) {
      this.#fail((error as Error).message);
      return;
    }
    this.#process = watchdog;
    // Neither holds the program open: a host that ends normally is a dead host too.
    watchdog.unref();
    (watchdog.stdin as unknown as { unref(): void } | null)?.unref();
    watchdog.stdin?.on('error', () => {});
    watchdog.once('error', (error) => {
      if (watchdog.pid === undefined) this.#fail(error.message);
    });
    watchdog.once('exit', (code, signal) => {
      // On Windows this one has only started the watchdog.
      if (this.#isOver || (isWindows && code === 0)) return;
      const end = signal === null ? `with code ${code}` : `by ${signal}`;
      const hasSettled = nowMs() - startedAtMs >= settledMs;
      // After a stall of the loop the timer comes before the worker's exit that waits to be seen.
      const look = () => setImmediate(() => this.#follow(hasSettled, end));
      this.#timer = setTimeout(look, patienceMs).unref();
    });
  }

  #follow(hasSettled: boolean, end: string): void {
    if (this.#isOver) return;
    if (hasSettled) this.#start();
    else this.#fail(`it ended ${end} at once`);
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.options.failed(reason);
  }

  #leave(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#process?.stdin?.end('leave\n');
  }
}

function startScript(worker: number, { graceMs, token }: WatchdogOptions): ChildProcess {
  const graceSeconds = String(Math.ceil(Math.max(graceMs, termGraceMs) / 1000));
  return isWindows ? startPowerShell(worker, graceSeconds) : startShell(worker, graceSeconds, token);
}

function startShell(worker: number, graceSeconds: string, token: string): ChildProcess {
  const script = path.join(folder, 'watchdog.sh');
  const who = ['--worker', identity(worker), '--host', identity(process.pid), '--token', token];
  return spawn('/bin/sh', [script, ...who, '--grace', graceSeconds], {
    cwd: '/',
    // Without the mark: the keeper and sweeps leave it alone.
    env: { PATH: process.env.PATH },
    stdio: ['pipe', 'ignore', 'ignore'],
    // A session of its own: neither Ctrl-C nor what is sent to a group reaches it.
    detached: true,
    guard: false,
  });
}

function startPowerShell(worker: number, graceSeconds: string): ChildProcess {
  const script = path.join(folder, 'watchdog.ps1');
  const options = ['-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-File', script];
  const who = ['-WorkerId', `${worker}`, '-HostId', `${process.pid}`];
  // Not detached: PowerShell without a console ends at once, with code 0. The script detaches itself.
  return spawn('powershell.exe', [...options, ...who, '-GraceSeconds', graceSeconds, '-Launch'], {
    stdio: 'ignore',
    windowsHide: true,
    guard: false,
  });
}

/** The pid, with its start time where there is a /proc. Nobody has waited for the worker, so it is not a stranger's. */
function identity(pid: number): string {
  if (process.platform !== 'linux') return String(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return `${pid}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return String(pid);
  }
}
