import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProcguardError } from '../errors.js';
import { loadAddon } from './load-addon.cjs';
import { isDisabled } from './policy.js';

/** A process of the machine, as `snapshot()` saw it. */
export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** A zombie counts as dead. */
  dead: boolean;
  /** By SIGSTOP or its like. */
  stopped: boolean;
  /** When it started, in clock ticks since boot, on macOS in microseconds: with the pid, its identity. */
  startTicks: number;
  /** A keeper of this or another host. */
  keeper: boolean;
  mark?: string;
  /** Whether its environment could be read. */
  readable: boolean;
  /** Whether it counts pids and time as this process does. */
  sameNamespaces: boolean;
}

/** One process that is started or watched. */
export interface GuardedProcess extends Partial<JobProcess> {
  /** The pid, or a negative errno. `stdio` is read and written: see `native/guarded_process.cc`. */
  spawn(
    file: string,
    args: readonly string[] | undefined,
    cwd: string | undefined,
    envPairs: readonly string[] | undefined,
    stdio: Int32Array,
    flags: number,
    uid: number,
    gid: number,
    graceMs: number,
    ended: (exitCode: number | null, signal: number | null) => void,
  ): number;
  /** Watches a process that is not our child. 0 or a negative errno. */
  open(pid: number, startTicks: number, ended: () => void): number;
  kill(signal: number): number;
  setReferenced(referenced: boolean): void;
  close(): void;
  readonly childNumber: number;
  /** 0: born in the host's cgroup. */
  readonly cgroupError: number;
  /** Linux: 0, or why the kernel refused the death signal, as a negative errno. */
  readonly linkError?: number;
  readonly registered: boolean;
  /** macOS: 0, or why the keeper couldn't be told of it, as a negative errno. */
  readonly registryError?: number;
}

/** What there is on Windows only. */
export interface JobProcess {
  /** Puts a child that Node has started into a job. */
  adopt(pid: number, wholeTree: boolean): void;
  /** The IPC channel whose host's end has this descriptor leads to this process. False: libuv can't be told. */
  bindChannel(fd: number): boolean;
  /** CTRL_BREAK to the console group that it leads: 0, or a negative errno; ENOSYS: it leads none. */
  sendBreak(): number;
  /** Terminates everything in its job: 0, or a negative errno; ESRCH: nothing was in it. */
  endTree(): number;
  /** Who is in its job, or a negative errno. */
  treePids(): number[] | number;
  /** Why it is in no job, or (with a `childNumber` above 0) was put into it after its start only; an error of Windows. */
  readonly jobError: number;
}

export interface GuardStatus {
  keeper: 'stopped' | 'starting' | 'running' | 'restarting' | 'failed';
  keeperPid: number;
  keeperRestarts: number;
  keeperError: number;
  /** macOS: 0, or why the keeper can find no process but those that are registered, as a negative errno. */
  listError?: number;
  cgroup: string;
  cgroupReason?: 'disabled' | 'no-clone3' | 'no-v2-mount' | 'denied' | 'no-kill' | 'no-keeper';
  cgroupError: number;
}

/** What there is on macOS only, where no /proc tells of processes. */
export interface DarwinProcesses {
  /** Empty: it can't be told. */
  bootId(): string;
  /** What a process was started with; empty: it has ended, or may not be looked at. */
  argumentsOf(pid: number): string[];
  /** What it uses of memory; 0: it has ended, or may not be looked at. */
  footprintOf(pid: number): number;
  /** macOS withholds the environment of this process of ours, so that no mark can be found in it. */
  hidesMark(pid: number): boolean;
  /** Whether this process was made by the one with this pid, which may not be its parent any more; undefined: it can't be told. */
  isMadeBy(pid: number): boolean | undefined;
  /** The descriptors above 2 that the parent gave; to be asked before anything else is opened. */
  inheritedDescriptors(): number[];
}

export interface Binding {
  GuardedProcess: new () => GuardedProcess;
  /** Undefined: this isn't macOS. */
  readonly darwin?: DarwinProcesses;
  /** Windows only: 0, or an error of Windows: no child can be put into a job. */
  jobError(): number;
  /** Windows only: who is in the job of our child with this pid; empty: it has none, or has ended. */
  treePidsOf(pid: number): number[];
  /** Windows only: terminates everything in that job: 0, or a negative errno. */
  endTreeOf(pid: number): number;
  /** Windows only: the path of the program of a process, or a negative errno. */
  programOf(pid: number, startTicks: number): string | number;
  /** Windows only: what a process was started with, its program included, as one text, or a negative errno. */
  commandLineOf(pid: number, startTicks: number): string | number;
  /** Linux only. */
  features(): {
    pidfd: boolean;
    pidfdSignal: boolean;
    waitidPidfd: boolean;
    clone3: boolean;
    sharedChild: boolean;
    pdeathsig: boolean;
  };
  hostIdentity(): string;
  /** False: it could not, and may be tried again. */
  startGuard(keeperProgram: string): boolean;
  guardStatus(): GuardStatus;
  ownCgroup(): string;
  /** A line for each process, or a negative errno. */
  snapshot(): Promise<string | number>;
  /** pid, start ticks and child number of each process → what `native/sample_job.cc` writes, or a negative errno. */
  sample(processes: Float64Array, trees: boolean): Promise<Float64Array | number>;
  /** When our child with this pid, which nobody has waited for, was started; 0: there is none. */
  startTicksOfChild(pid: number): number;
  signal(pid: number, startTicks: number, signal: number): number;
  /** Replaces this process; returns, with a negative errno, only if that failed. See `native/linux/exec.h`. */
  exec(program: string, args: readonly string[], ownArgs: number): number;
  /** Closes Node's handle of a process that libuv has refused to start: see `native/node_handle.h`. */
  closeRefused(close: () => void): void;
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** Linux and macOS: trees are known by their mark, or a cgroup, and a keeper ends them. */
export const hasMarks =
  (process.platform === 'linux' || process.platform === 'darwin') && !isDisabled('platform');
/** Windows: trees are known by their job, which Windows ends. */
export const hasJobs = process.platform === 'win32' && !isDisabled('platform');
/** Whether this platform has a guard at all. Elsewhere children are Node's own. */
export const isGuardedPlatform = hasMarks || hasJobs;

let loaded: { readonly addon: Binding; readonly keeper: string } | undefined;
let started = false;

/** The native addon, with the guard started. Throws `ERR_PROCGUARD_ADDON_UNAVAILABLE`. */
export function binding(): Binding {
  const loadedAddon = addon();
  // It can't start while the process is out of descriptors; then neither can a child, and the next call tries again.
  if (hasMarks && !started) started = loadedAddon.startGuard(keeperProgram());
  return loadedAddon;
}

/** The native addon for those who only look or signal: no keeper and no cgroup is made. Throws as `binding` does. */
export function addon(): Binding {
  loaded ??= load();
  return loaded.addon;
}

/** The same without starting anything: undefined until a first call of `binding` has. */
export function startedBinding(): Binding | undefined {
  return started ? loaded?.addon : undefined;
}

/** The path of the keeper's program, which lies beside the addon. Throws as `binding` does. */
export function keeperProgram(): string {
  loaded ??= load();
  return loaded.keeper;
}

function load() {
  try {
    const { addon, folder } = loadAddon(root);
    // The keeper lies beside the addon, in a prebuild as in a build of one's own.
    return { addon: addon as Binding, keeper: path.join(folder, 'procguard-keeper') };
  } catch (cause) {
    throw new ProcguardError(
      'ERR_PROCGUARD_ADDON_UNAVAILABLE',
      `The native addon of procguard can't be loaded for ${process.platform}-${process.arch}, Node ${process.version}. ` +
        `Tried: prebuilds/${process.platform}-${process.arch} and build/Release in ${root}. ` +
        `${addonAdvice(cause)} ` +
        `The loader said: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** What to do about an addon that the loader has refused. */
export function addonAdvice(cause: unknown): string {
  // What the loader says of a file that it may not map as code.
  return cause instanceof Error && cause.message.includes('failed to map segment')
    ? 'Its file system is mounted with noexec: install procguard on another.'
    : 'Build it with `npm rebuild procguard`, which needs Python 3, make and a C++17 compiler (on Windows, Visual Studio with C++).';
}

// Loaded with the module, while there are descriptors to load it with. What goes wrong is said by the first call that
// needs it.
try {
  if (isGuardedPlatform) loaded = load();
} catch {}
