import os from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { ProcguardError } from '../errors.js';

interface Drainable {
  drain(): Promise<unknown>;
  hurry(): void;
}

const isWindows = process.platform === 'win32';
// Windows has no SIGTERM; CTRL_BREAK is what one process there can ask another by.
const signals = isWindows ? (['SIGBREAK', 'SIGINT'] as const) : (['SIGTERM', 'SIGINT'] as const);
// STATUS_CONTROL_C_EXIT
const controlCExit = 0xc000013a;
/** All that is drained before the process ends: it has one end, and may have several pools. */
const drainables = new Set<Drainable>();
let first: NodeJS.Signals | undefined;

/** Drains at the first signal, hurries at the second, and then lets the signal do what it does by default. */
export function onShutdownSignals(drainable: Drainable): () => void {
  if (!isMainThread)
    throw new ProcguardError(
      'ERR_PROCGUARD_WRONG_THREAD',
      'Signals arrive in the main thread only: call handleSignals() there, or tell the Worker to close its pool.',
    );
  if (drainables.size === 0) for (const signal of signals) process.on(signal, take);
  drainables.add(drainable);
  return () => {
    // Once the drain has begun, the process is to end.
    if (first === undefined && drainables.delete(drainable) && drainables.size === 0) stop();
  };
}

function take(signal: NodeJS.Signals): void {
  if (first !== undefined) {
    for (const { hurry } of drainables) hurry();
    return;
  }
  first = signal;
  void Promise.all([...drainables].map(drainAndReport)).then(() => end(signal));
}

async function drainAndReport({ drain }: Drainable): Promise<void> {
  try {
    await drain();
  } catch (error) {
    process.stderr.write(`procguard: the drain failed: ${error instanceof Error ? error.message : error}\n`);
  }
}

function end(signal: NodeJS.Signals): void {
  stop();
  drainables.clear();
  first = undefined;
  // The program has handled it, and says itself when it ends.
  if (process.listenerCount(signal) > 0) return;
  // What Windows does by default; no process can send one of these to itself there.
  if (isWindows) process.exit(controlCExit);
  process.kill(process.pid, signal);
  // Still here: the kernel ignores it for pid 1 of a container.
  process.exit(128 + os.constants.signals[signal]);
}

function stop(): void {
  for (const signal of signals) process.off(signal, take);
}
