import { isMainThread } from 'node:worker_threads';
import type { Binding } from './binding.js';

// A Worker's process.env is a copy that lives in JavaScript, and so is one that a program has put in its place: only
// the real one refuses a symbol as a name.
const real = process.env;
const isReal = isMainThread && refusesSymbols();

let cached: NodeJS.ProcessEnv | undefined;

/**
 * The environment for a child whose caller gave none: equal to `process.env`, but a plain object that is made anew
 * only when the environment has changed. Reading a hundred variables through `process.env` costs more than the system
 * calls that start a child. Undefined: let Node read `process.env`.
 */
export function currentEnvironment(binding: Binding): NodeJS.ProcessEnv | undefined {
  if (!isReal || process.env !== real) return undefined;
  const entries = binding.environment();
  if (entries === undefined) return cached;
  cached = toObject(entries);
  return cached;
}

function toObject(entries: readonly string[]): NodeJS.ProcessEnv | undefined {
  const fresh: NodeJS.ProcessEnv = {};
  for (let i = 0; i + 1 < entries.length; i += 2) {
    const name = entries[i] as string;
    // Only Node itself can pass on a variable that JavaScript takes for something else.
    if (name === '__proto__') return undefined;
    // The first of two with the same name is the one that getenv sees.
    if (!Object.hasOwn(fresh, name)) fresh[name] = entries[i + 1];
  }
  return fresh;
}

function refusesSymbols(): boolean {
  const probe = Symbol('probe') as unknown as string;
  try {
    process.env[probe] = '';
    delete process.env[probe];
    return false;
  } catch {
    return true;
  }
}
