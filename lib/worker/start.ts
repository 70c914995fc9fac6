import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ProcguardError } from '../errors.js';
import type { GuardOptions } from '../guard/policy.js';
import { spawnLeader } from '../guard/spawn.js';
import { protocolVersion } from '../wire/limits.js';
import { describeEnd, type WorkerEnd } from './errors.js';

/** What a worker is started as. */
export interface WorkerSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly guard: GuardOptions | undefined;
  readonly startTimeoutMs: number;
  /** Whether it gets a watchdog. */
  readonly watchdog?: boolean;
  /** Requests that it may have at a time. */
  readonly concurrency: number;
}

/**
 * Starts the program, with its control and data channels. `token`: what its watchdog knows it by. Throws, or the child
 * emits `error`: see `cannotStart`.
 */
export function startProgram(
  { command, args, cwd, env, guard }: WorkerSpec,
  token: string | undefined,
): ChildProcess {
  return spawnLeader(command, [...args], {
    cwd,
    env: {
      ...env,
      PROCGUARD_PROTOCOL: String(protocolVersion),
      PROCGUARD_HOST_PID: String(process.pid),
      ...(token === undefined ? {} : { PROCGUARD_WORKER: token }),
    },
    // Both ways at the same time; on Windows a plain pipe would let a read that waits hold up every write.
    stdio: ['ignore', 'pipe', 'pipe', 'overlapped', 'overlapped'],
    ...(guard === undefined ? {} : { guard }),
  });
}

/** Why there is no process. */
export function cannotStart({ command, cwd }: WorkerSpec, error: Error): ProcguardError {
  // It says itself what to do.
  if (error instanceof ProcguardError) return error;
  const { code, errno, syscall } = error as NodeJS.ErrnoException;
  const remedy =
    code === 'ENOENT'
      ? whatIsMissing(command, cwd)
      : `The command \`${command}\` can't be executed (${code ?? error.message}).`;
  return new ProcguardError('ERR_PROCGUARD_START_FAILED', remedy, {
    cause: error,
    ...(errno === undefined ? {} : { errno }),
    ...(syscall === undefined ? {} : { syscall }),
  });
}

/** The system says the same of both. */
function whatIsMissing(command: string, cwd: string | undefined): string {
  if (cwd !== undefined && !existsSync(cwd))
    return `There is no folder \`${cwd}\`, which is the \`cwd\` of the pool.`;
  const hint = /\s/.test(command) ? ' Arguments belong in `args`.' : '';
  return `There is no command \`${command}\`. Check the name and the PATH of the pool's \`env\`.${hint}`;
}

/** What a program that says no hello is asked. */
const doesItServe = 'Does it call procguard.serve() (in Node, serve()), or speak docs/protocol.md?';

/** Why a process that ended before its hello is no worker. */
export function endedEarly(end: WorkerEnd): ProcguardError {
  const { exitCode, stderr } = end;
  if (exitCode !== 0)
    return new ProcguardError(
      'ERR_PROCGUARD_START_FAILED',
      `The worker ended before it was ready: it ${describeEnd(end)}`,
    );
  const error = new ProcguardError(
    'ERR_PROCGUARD_START_FAILED',
    `The program ended without saying hello: it exited with code 0. ${doesItServe}`,
  );
  return withStderr(error, stderr);
}

/** Why a process that said no hello is ended. */
export function startTimedOut({ startTimeoutMs }: WorkerSpec): ProcguardError {
  return new ProcguardError(
    'ERR_PROCGUARD_START_TIMEOUT',
    `The worker did not say hello within ${startTimeoutMs} ms. Does the program call procguard.serve(), or speak docs/protocol.md? If it takes longer to load, raise \`startTimeoutMs\`.`,
  );
}

export function withStderr(error: ProcguardError, stderr: readonly string[]): ProcguardError {
  if (stderr.length === 0) return error;
  const { code, message, cause } = error;
  return new ProcguardError(code, `${message} The last lines of its stderr:\n${stderr.join('\n')}`, {
    cause,
  });
}
