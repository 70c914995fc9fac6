import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nowMs } from '../clock.js';
import { spawn } from '../guard/spawn.js';
import { launchWatchdog } from './watchdog-windows.js';

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
 * Starts the watchdog of one worker, `watchdog/watchdog.sh` or `watchdog.ps1`, which outlives this process and then ends the
 * worker. One that is killed is followed by another. It leaves when the worker ends. Never throws: see `failed`.
 */
export function startWatchdog(worker: ChildProcess, options: WatchdogOptions): void {
  new Watchdog(worker, options);
}

class Watchdog {
  #release = () => {};
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
    try {
      if (isWindows) this.#startPowerShell();
      else this.#startShell();
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  #startShell(): void {
    const startedAtMs = nowMs();
    const watchdog = startShell(this.worker.pid as number, this.options);
    this.#release = () => watchdog.stdin?.end('leave\n');
    // Neither holds the program open: a host that ends normally is a dead host too.
    watchdog.unref();
    (watchdog.stdin as unknown as { unref(): void } | null)?.unref();
    watchdog.stdin?.on('error', () => {});
    watchdog.once('error', (error) => {
      if (watchdog.pid === undefined) this.#fail(error.message);
    });
    watchdog.once('exit', (code, signal) => {
      const end = signal === null ? `with code ${code}` : `by ${signal}`;
      const hasSettled = nowMs() - startedAtMs >= settledMs;
      this.#afterPatience(() => this.#follow(hasSettled, `it ended ${end} at once`));
    });
  }

  #startPowerShell(): void {
    const script = path.join(folder, 'watchdog.ps1');
    const who = ['-WorkerId', `${this.worker.pid}`, '-HostId', `${process.pid}`];
    let watchingSinceMs = 0;
    this.#release = launchWatchdog(script, [...who, '-GraceSeconds', graceSeconds(this.options)], {
      watching: () => {
        watchingSinceMs = nowMs();
      },
      ended: () => {
        const hasSettled = nowMs() - watchingSinceMs >= settledMs;
        this.#afterPatience(() => this.#follow(hasSettled, 'it ended at once'));
      },
      failed: (reason) => this.#afterPatience(() => this.#fail(reason)),
    });
  }

  #afterPatience(act: () => void): void {
    if (this.#isOver) return;
    // After a stall of the loop the timer comes before the worker's exit that waits to be seen.
    this.#timer = setTimeout(() => setImmediate(act), patienceMs).unref();
  }

  #follow(hasSettled: boolean, reason: string): void {
    if (this.#isOver) return;
    if (hasSettled) this.#start();
    else this.#fail(reason);
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.options.failed(reason);
  }

  #leave(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#release();
  }
}

function graceSeconds({ graceMs }: WatchdogOptions): string {
  return String(Math.ceil(Math.max(graceMs, termGraceMs) / 1000));
}

function startShell(worker: number, options: WatchdogOptions): ChildProcess {
  const script = path.join(folder, 'watchdog.sh');
  const who = ['--worker', identity(worker), '--host', identity(process.pid), '--token', options.token];
  return spawn('/bin/sh', [script, ...who, '--grace', graceSeconds(options)], {
    cwd: '/',
    // Without the mark: the keeper and sweeps leave it alone.
    env: { PATH: process.env.PATH },
    stdio: ['pipe', 'ignore', 'ignore'],
    // A session of its own: neither Ctrl-C nor what is sent to a group reaches it.
    detached: true,
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
