import * as childProcess from 'node:child_process';
import types from 'node:util/types';
import { hasJobs, hasMarks } from './binding.js';
import { isEnvironmentReal } from './environment.js';
import { withPolicy } from './intercept.js';
import { parsePolicy } from './policy.js';

/*
 * Node's own functions, called so that the child they make is guarded. What they return, emit and throw is Node's.
 */

// `util.promisify.custom`. To import node:util touches process.stderr in Node 22, which makes it non-blocking.
const promisified = Symbol.for('nodejs.util.promisify.custom');

type Start<T> = (...args: never[]) => T;

function start<T>(node: Start<T>, args: unknown[], optionsAt: number, takesCallback = false): T {
  const given = args[optionsAt];
  const options = isOptions(given) ? given : undefined;
  let policy = parsePolicy(options?.guard);
  if (policy.guarded && takeEnvironment(args, optionsAt, takesCallback))
    policy = { ...policy, inheritsEnvironment: true };
  return withPolicy(policy, () => (node as (...all: unknown[]) => T)(...args));
}

interface Options {
  guard?: unknown;
  env?: unknown;
}

/** The same function to whoever asks for its name and its number of parameters. */
function like<T extends object>(node: T, ours: unknown): T {
  for (const property of ['name', 'length']) {
    Object.defineProperty(
      ours,
      property,
      Object.getOwnPropertyDescriptor(node, property) as PropertyDescriptor,
    );
  }
  return ours as T;
}

function isOptions(value: unknown): value is Options {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Gives Node an empty environment to work on, where the native side can supply the host's; false: it can't. */
function takeEnvironment(args: unknown[], optionsAt: number, takesCallback: boolean): boolean {
  if (!hasMarks || !isEnvironmentReal()) return false;
  const given = args[optionsAt];
  if (given === undefined) {
    args[optionsAt] = { env: {} };
  } else if (takesCallback && typeof given === 'function') {
    args.splice(optionsAt, 0, { env: {} });
  } else {
    if (!isOptions(given) || !isPlainData(given) || given.env !== undefined) return false;
    args[optionsAt] = { ...given, env: {} };
  }
  return true;
}

// Whoever could notice that his options are read by another, and copied, has them read by Node alone.
function isPlainData(options: Options): boolean {
  if (types.isProxy(options) || Object.getPrototypeOf(options) !== Object.prototype) return false;
  return Object.values(Object.getOwnPropertyDescriptors(options)).every((property) => 'value' in property);
}

/** Where the options of (file, args?, options?, …) stand. */
function optionsIndex(args: unknown[]): number {
  return Array.isArray(args[1]) || args[1] == null ? 2 : 1;
}

/**
 * `child_process.spawn` with a guard: the child, and all its descendants, die when this process does, in whatever way.
 * Takes one more option, {@link GuardOptions | guard}; returns Node's own `ChildProcess`.
 *
 * Throws what Node throws, and `ERR_PROCGUARD_INVALID_OPTION` or `ERR_PROCGUARD_ADDON_UNAVAILABLE` before anything is
 * started.
 *
 * ```ts
 * const child = spawn('python3', ['worker.py'], { guard: { graceMs: 500 } });
 * ```
 */
export const spawn: typeof childProcess.spawn = like(childProcess.spawn, function spawn(...args: unknown[]) {
  return start(childProcess.spawn, args, optionsIndex(args));
});

/**
 * {@link spawn}, for a child that leads a group of its own: one signal reaches it and its children, and Ctrl-C in a terminal
 * does not. That is a session, or on Windows a console process group; `detached` would take its console away there.
 */
export function spawnLeader(
  command: string,
  args: readonly string[],
  options: childProcess.SpawnOptions,
): childProcess.ChildProcess {
  if (!hasJobs) return spawn(command, args, { ...options, detached: true });
  const policy = { ...parsePolicy(options.guard), leadsConsoleGroup: true };
  return withPolicy(policy, () => childProcess.spawn(command, args, options));
}

/**
 * `child_process.fork` with a guard; see {@link spawn}.
 *
 * ```ts
 * const worker = fork('worker.js', { serialization: 'advanced' });
 * ```
 */
export const fork: typeof childProcess.fork = like(childProcess.fork, function fork(...args: unknown[]) {
  return start(childProcess.fork, args, optionsIndex(args));
});

/**
 * `child_process.exec` with a guard, its promisified form included; see {@link spawn}.
 *
 * ```ts
 * const { stdout } = await promisify(exec)('nvidia-smi --list-gpus');
 * ```
 */
export const exec: typeof childProcess.exec = like(childProcess.exec, function exec(...args: unknown[]) {
  return start(childProcess.exec, args, 1, true);
});

/**
 * `child_process.execFile` with a guard, its promisified form included; see {@link spawn}.
 *
 * ```ts
 * const { stdout } = await promisify(execFile)('python3', ['--version'], { timeout: 5000 });
 * ```
 */
export const execFile: typeof childProcess.execFile = like(
  childProcess.execFile,
  function execFile(...args: unknown[]) {
    return start(childProcess.execFile, args, optionsIndex(args), true);
  },
);

const nodeExec = (childProcess.exec as unknown as Record<symbol, Start<unknown>>)[promisified];
const nodeExecFile = (childProcess.execFile as unknown as Record<symbol, Start<unknown>>)[promisified];

Object.defineProperty(exec, promisified, {
  value: like(nodeExec as object, (...args: unknown[]) => start(nodeExec as Start<unknown>, args, 1)),
});
Object.defineProperty(execFile, promisified, {
  value: like(nodeExecFile as object, (...args: unknown[]) =>
    start(nodeExecFile as Start<unknown>, args, optionsIndex(args)),
  ),
});
