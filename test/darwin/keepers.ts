import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { within } from '../helpers/deadline.js';
import { ROOT } from '../helpers/fixtures.js';
import type { Life, Lifelines } from '../helpers/lifelines.js';
import { readStat } from '../helpers/proc.js';

const registryBytes = 512 * 1024;
// As native/darwin/keeper/registered.h.
export const alone = 2 ** 31;

/** The keeper of macOS on the calls of test/native/darwin, built when something of it has changed. */
export function keeperProgram(): string {
  const folder = join(ROOT, 'dist/test/darwin/shim');
  execFileSync('bash', [join(ROOT, 'scripts/build-darwin-shim.sh'), folder], { stdio: 'inherit' });
  return join(folder, 'procguard-keeper');
}

/** When a process was started, as the shim says it: in microseconds. */
export function startOf(pid: number): number {
  return Number(readStat(pid)?.startTicks) * 10_000;
}

/** What names a host. */
export function identityOf(pid: number, startTicks = startOf(pid)): string {
  return `${pid}:${startTicks}:00000000-0000-0000-0000-000000000000:${'0'.repeat(16)}`;
}

/** A slot of the registry; `startTicks` is when the process of that pid was started, unless it has ended since. */
export interface Slot {
  pid: number;
  startTicks?: number;
  graceMs?: number;
}

/** A keeper whose host is any process. */
export class Keeper {
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #line: Duplex;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#line = process.stdio[3] as Duplex;
    this.#line.on('error', () => {});
    this.#ended = new Promise((resolve) => process.once('exit', resolve));
  }

  static async start(
    program: string,
    lifelines: Lifelines,
    identity: string,
    { slots = [], env = {} }: { slots?: Slot[]; env?: Record<string, string> } = {},
  ): Promise<Keeper> {
    const file = join(lifelines.folder, `registry-${identity.replaceAll(':', '-')}`);
    const fd = openSync(file, 'wx+');
    writeSync(fd, registryOf(slots));
    const child = spawn(program, [identity], {
      argv0: 'procguard-keeper',
      cwd: '/',
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', fd],
    });
    closeSync(fd);
    rmSync(file);
    const keeper = new Keeper(child);
    await within(new Promise((resolve) => keeper.#line.once('data', resolve)), 'the keeper to be ready');
    return keeper;
  }

  /** As when the host has died, whatever the kernel says of its pid. */
  endLine(): void {
    this.#line.destroy();
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Its exit code; 0: nothing is left. */
  async ended(): Promise<number | null> {
    return within(this.#ended, 'the keeper to end');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    this.#line.destroy();
    await this.#ended;
  }
}

function registryOf(slots: readonly Slot[]): Buffer {
  const bytes = Buffer.alloc(registryBytes);
  bytes.writeUInt32LE(slots.length, 0);
  for (const [index, { pid, startTicks = startOf(pid), graceMs = 0 }] of slots.entries()) {
    const at = 16 + 16 * index;
    bytes.writeInt32LE(pid, at);
    bytes.writeUInt32LE(graceMs, at + 4);
    bytes.writeBigUInt64LE(BigInt(startTicks) * 1000n, at + 8);
  }
  return bytes;
}

/** Starts a process with one descendant of each kind, `names` of which the first is its own, that carry this mark. */
export async function startMarked(
  lifelines: Lifelines,
  names: readonly string[],
  { mark, program = lifelines.program, words = [] }: { mark?: string; program?: string; words?: string[] },
): Promise<Life[]> {
  const [name = '', ...descendants] = names;
  const env = mark === undefined ? {} : { PROCGUARD_HOST: mark };
  spawn(program, lifelines.arguments(name, ...descendants, ...words), { env, stdio: 'ignore' });
  return lifelines.takeAll(names);
}
