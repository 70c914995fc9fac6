import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkKeys, invalidOption } from '../errors.js';
import { type GuardOptions, parsePolicy } from '../guard/policy.js';
import type { OutputLine } from '../worker/output.js';
import type { WorkerSpec } from '../worker/start.js';

export interface PoolOptions {
  /** The program, as for `spawn`: `'python3'`, `process.execPath`, or any program that speaks `docs/protocol.md`. */
  command: string;
  args?: readonly string[] | undefined;
  cwd?: string | undefined;
  /** The workers' environment; the default is the host's. The folder of the Python SDK is put on its `PYTHONPATH`. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Workers, 1 to 10000; the default is the number of processors. */
  size?: number | undefined;
  /** Requests that a worker has at a time, 1 to 10000; the default is 1. The next is sent without a round trip. */
  concurrency?: number | undefined;
  /** Requests that may wait, 0 to 10000000; the default is 10000. More are refused with a `QueueFullError`. */
  maxQueue?: number | undefined;
  /** From a worker's start to its hello, 100 to 3600000 ms; the default is 30000. */
  startTimeoutMs?: number | undefined;
  /**
   * A worker that still hasn't answered so long after its request was cancelled is replaced, unless it has an older request
   * for which somebody waits; 100 to 3600000 ms, default 5000.
   */
  cancelGraceMs?: number | undefined;
  /** A worker is replaced after so many requests; while another is being replaced it takes more. The default is never. */
  maxRequests?: number | undefined;
  /** A worker is replaced at this age; the default is never. */
  maxAgeMs?: number | undefined;
  /** A worker is replaced when its resident memory is above this; the default is never. Linux only. */
  maxRssBytes?: number | undefined;
  /** `graceMs`: how long requests in flight may take when the pool or a worker is shut down, 5000 to 300000; default 30000. */
  shutdown?: { graceMs?: number | undefined } | undefined;
  /** How the workers are guarded, as for `spawn`. */
  guard?: GuardOptions | undefined;
  /** Gets each line that a worker prints or logs. The default writes them to this process's stderr, with the worker's number. What it throws is an uncaught exception. */
  onOutput?: ((line: OutputLine) => void) | undefined;
}

export interface PoolConfig {
  readonly spec: WorkerSpec;
  readonly size: number;
  readonly concurrency: number;
  readonly maxQueue: number;
  readonly cancelGraceMs: number;
  readonly maxRequests: number;
  readonly maxAgeMs: number;
  readonly maxRssBytes: number;
  readonly graceMs: number;
  readonly onOutput: (line: OutputLine) => void;
}

export const maxSize = 10_000;
const hourMs = 3_600_000;
const known = [
  'command',
  'args',
  'cwd',
  'env',
  'size',
  'concurrency',
  'maxQueue',
  'startTimeoutMs',
  'cancelGraceMs',
  'maxRequests',
  'maxAgeMs',
  'maxRssBytes',
  'shutdown',
  'guard',
  'onOutput',
];

/** Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function parseOptions(options: PoolOptions): PoolConfig {
  checkKeys('options', options, known);
  const { command, args = [], cwd, env = process.env, shutdown = {}, guard, onOutput = toStderr } = options;
  if (typeof command !== 'string' || command === '')
    throw invalidOption('command', command, 'the name of a program');
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === 'string'))
    throw invalidOption('args', args, 'a list of strings');
  if (cwd !== undefined && typeof cwd !== 'string') throw invalidOption('cwd', cwd, 'the path of a folder');
  if (typeof env !== 'object' || env === null) throw invalidOption('env', env, 'an object of strings');
  if (typeof onOutput !== 'function') throw invalidOption('onOutput', onOutput, 'a function');
  checkKeys('shutdown', shutdown, ['graceMs']);
  if (guard !== undefined) {
    if (typeof guard !== 'object')
      throw invalidOption('guard', guard, 'an object: workers are always guarded');
    parsePolicy(guard);
  }
  const whole = (name: keyof PoolOptions, from: number, to: number, otherwise: number) =>
    wholeNumber(name, options[name], from, to, otherwise);
  const concurrency = whole('concurrency', 1, 10_000, 1);
  return {
    spec: {
      command,
      args,
      cwd,
      env: withPythonSdk(env),
      guard,
      concurrency,
      startTimeoutMs: whole('startTimeoutMs', 100, hourMs, 30_000),
    },
    size: whole('size', 1, maxSize, os.availableParallelism()),
    concurrency,
    maxQueue: whole('maxQueue', 0, 10_000_000, 10_000),
    cancelGraceMs: whole('cancelGraceMs', 100, hourMs, 5000),
    maxRequests: whole('maxRequests', 1, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY),
    maxAgeMs: whole('maxAgeMs', 1, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY),
    maxRssBytes: whole('maxRssBytes', 1, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY),
    graceMs: wholeNumber('shutdown.graceMs', shutdown.graceMs, 5000, 300_000, 30_000),
    onOutput,
  };
}

/** `otherwise` when the value is undefined. Throws `ERR_PROCGUARD_INVALID_OPTION`. */
export function wholeNumber(
  option: string,
  value: unknown,
  from: number,
  to: number,
  otherwise: number,
): number {
  if (value === undefined) return otherwise;
  if (!Number.isInteger(value) || (value as number) < from || (value as number) > to)
    throw invalidOption(option, value, `a whole number from ${from} to ${to}`);
  return value as number;
}

const pythonSdk = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../python/src');

function withPythonSdk(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!existsSync(pythonSdk)) return env;
  const { PYTHONPATH } = env;
  return { ...env, PYTHONPATH: PYTHONPATH ? `${pythonSdk}${path.delimiter}${PYTHONPATH}` : pythonSdk };
}

function toStderr({ source, worker, pid, line, level, fields }: OutputLine): void {
  const tag = source === 'log' ? level : source;
  const more = fields === undefined ? '' : ` ${JSON.stringify(fields)}`;
  process.stderr.write(`[worker ${worker}, pid ${pid}, ${tag}] ${line}${more}\n`);
}
