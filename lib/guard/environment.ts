import { isMainThread } from 'node:worker_threads';

/*
 * A child whose caller gave no environment gets the host's. Node builds it from process.env, variable by variable, which
 * costs more than the system calls that start a child; the native side copies it as a block instead. That is the
 * same only where process.env is the process's environment: a Worker's is a copy that lives in JavaScript, and so is
 * one that a program has put in its place. Only the real one refuses a symbol as a name.
 */
const real = process.env;
const isReal = isMainThread && refusesSymbols();

/** Whether a child that gets this process's environment gets what Node would give it. */
export function isEnvironmentReal(): boolean {
  // Under its permission model, Node adds to what NODE_OPTIONS says.
  return isReal && process.env === real && !('permission' in process);
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
