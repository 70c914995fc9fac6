import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const WATCHER = fileURLToPath(new URL('../../demo/watch_locks.py', import.meta.url));
const START_DEADLINE_MS = 10_000;

/** How long anything may take that the demo waits for. */
export const DEADLINE_MS = 5000;

/**
 * Watches file locks, and processes by pid, from a helper process that blocks on each of them. A lock is
 * released by the kernel when its holder is gone, and by nothing else here.
 */
export class LockWatch {
  readonly #watcher: ChildProcess;
  readonly #state = new Map<string, 'asked' | 'held' | 'free'>();
  readonly #releasedAt = new Map<string, bigint>();
  #ready = false;
  #wake = () => {};

  private constructor(python: string) {
    this.#watcher = spawn(python, [WATCHER], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#watcher.once('exit', () => this.#wake());
    createInterface({ input: this.#watcher.stdout! }).on('line', (line) => this.#read(line));
  }

  /** Starts the helper process, so that a later `watch` begins at once. */
  static async start(python: string): Promise<LockWatch> {
    const watch = new LockWatch(python);
    await watch.#until(() => watch.#ready, START_DEADLINE_MS);
    if (!watch.#ready) throw new Error(`${WATCHER} did not start`);
    return watch;
  }

  /** Begins to watch `names`: paths of lock files, and pids. Returns those that are held now. */
  async watch(names: readonly string[]): Promise<string[]> {
    for (const name of names) {
      this.#state.set(name, 'asked');
      this.#watcher.stdin!.write(`${name}\n`);
    }
    const asked = () => names.some((name) => this.#state.get(name) === 'asked');
    await this.#until(() => !asked(), START_DEADLINE_MS);
    if (asked()) throw new Error(`${WATCHER} did not answer`);
    return names.filter((name) => this.#state.get(name) === 'held');
  }

  /** The watched names that are not released yet. */
  get held(): string[] {
    return [...this.#state.keys()].filter((name) => !this.#releasedAt.has(name));
  }

  /** Waits until `names` are released, or until the deadline, and returns those that are still held. */
  async released(deadlineMs: number, names: readonly string[] = [...this.#state.keys()]): Promise<string[]> {
    const held = () => names.filter((name) => !this.#releasedAt.has(name));
    await this.#until(() => held().length === 0, deadlineMs);
    return held();
  }

  /** How long after `start`, a `process.hrtime.bigint()`, the last of `names` was released. */
  millisecondsSince(start: bigint, names: readonly string[]): number | undefined {
    const times = names.map((name) => this.#releasedAt.get(name));
    if (times.includes(undefined)) return undefined;
    return Math.max(...times.map((time) => Number(time! - start) / 1e6));
  }

  end(): void {
    this.#watcher.stdin!.end();
  }

  #read(line: string): void {
    const [verb, name, time] = line.split('\t');
    if (verb === 'ready') this.#ready = true;
    else if (verb === 'released') this.#releasedAt.set(name!, BigInt(time!));
    else this.#state.set(name!, verb as 'held' | 'free');
    this.#wake();
  }

  async #until(condition: () => boolean, deadlineMs: number): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (!condition() && this.#watcher.exitCode === null && performance.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - performance.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
