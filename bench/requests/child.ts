import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SOURCES } from '../compile.js';
import { within } from '../deadline.js';

const START_LIMIT_MS = 15_000;
const END_LIMIT_MS = 3000;

/** The path of a program of this folder, in the sources. */
export const programPath = (name: string) => join(SOURCES, 'requests', name);

/** The interpreter itself, for all contenders: a python3 that is a script, such as pyenv's, takes long to start. */
export const PYTHON = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
  timeout: START_LIMIT_MS,
}).trim();

/** A child with pipes for stdin and stdout. */
export function spawnPiped(command: string, args: string[]) {
  return spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Waits for the sign that the child is ready. Throws when it ends, or time is up, before that. */
export async function started<T>(what: string, child: ChildProcess, sign: Promise<T>): Promise<T> {
  const ended = once(child, 'exit').then(() => undefined);
  // A value in an object: the sign itself may be undefined.
  const found = await within(START_LIMIT_MS, Promise.race([sign.then((value) => ({ value })), ended]));
  if (found === undefined) throw new Error(`${what} did not start`);
  return found.value;
}

/** Waits for a child that was told to end, and kills it if it doesn't. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, 'exit');
  if ((await within(END_LIMIT_MS, exit)) !== undefined) return;
  child.kill('SIGKILL');
  await within(END_LIMIT_MS, exit);
}
