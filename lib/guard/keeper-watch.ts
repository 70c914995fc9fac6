import { type GuardedProcess, type GuardStatus, startedBinding } from './binding.js';

export interface KeeperSighting {
  /** Of the keeper that it is about; 0: there is none. */
  readonly pid: number;
  /** How often another one had to be started, by this moment. */
  readonly restarts: number;
  readonly state: GuardStatus['keeper'];
}

export interface KeeperListener {
  /** A keeper was seen for the first time since somebody listens. */
  started?(keeper: KeeperSighting): void;
  /** It died while the host lives. Another is being started. */
  lost?(keeper: KeeperSighting): void;
  /** Keepers can't be kept running. Further starts are tried, with pauses. */
  failed?(keeper: KeeperSighting): void;
}

// The native side starts the next within some milliseconds, and waits longer between starts that fail.
const firstPauseMs = 10;
const longestPauseMs = 1000;

const listeners = new Set<KeeperListener>();
let watched: GuardedProcess | undefined;
let timer: NodeJS.Timeout | undefined;
let hasFailed = false;

/**
 * Tells of the keeper's starts and ends, in this JavaScript thread. Nothing is polled while one runs: its end wakes the loop, as
 * a child's does. Starts no keeper, and keeps no process running. Returns what takes it back.
 *
 * ```ts
 * const stop = watchKeeper({ lost: ({ pid, restarts }) => console.warn(`keeper ${pid} died`, restarts) });
 * ```
 */
export function watchKeeper(listener: KeeperListener): () => void {
  // A listener that is given twice hears everything twice.
  const entry = { ...listener };
  listeners.add(entry);
  lookForKeeper();
  return () => {
    listeners.delete(entry);
    if (listeners.size === 0) stop();
  };
}

/** To be called when a child was started, and perhaps the first keeper with it. Free while one is watched. */
export function lookForKeeper(): void {
  if (listeners.size > 0 && watched === undefined && timer === undefined) look(firstPauseMs);
}

function look(pauseMs: number): void {
  timer = undefined;
  const addon = startedBinding();
  if (addon === undefined) return;
  const status = addon.guardStatus();
  // There is none, and there will be none.
  if (status.keeper === 'stopped') return;
  tellFailure(status);
  const { keeperPid: pid } = status;
  if (pid === 0) {
    later(pauseMs, look);
    return;
  }
  watched = new addon.GuardedProcess();
  tell('started', pid, status);
  const startTicks = addon.startTicksOfChild(pid);
  const error =
    startTicks === 0 ? -1 : watched?.open(pid, startTicks, () => awaitSuccessor(pid, firstPauseMs));
  // Its end can't be seen: it has ended by now, or there are no pidfds here, or none left.
  if (error !== 0) awaitSuccessor(pid, pauseMs);
  else watched?.setReferenced(false);
}

/** The native side may see its end later than this thread does. */
function awaitSuccessor(pid: number, pauseMs: number): void {
  timer = undefined;
  const status = startedBinding()?.guardStatus();
  if (watched === undefined || status === undefined) return;
  if (status.keeperPid === pid) {
    later(pauseMs, (nextMs) => awaitSuccessor(pid, nextMs));
    return;
  }
  watched.close();
  watched = undefined;
  tell('lost', pid, status);
  lookForKeeper();
}

function later(ms: number, run: (nextPauseMs: number) => void): void {
  if (listeners.size === 0) return;
  timer = setTimeout(() => run(Math.min(longestPauseMs, 2 * ms)), ms).unref();
}

function tellFailure(status: GuardStatus): void {
  if (status.keeper === 'failed' && !hasFailed) tell('failed', 0, status);
  if (status.keeper !== 'starting') hasFailed = status.keeper === 'failed';
}

function tell(what: keyof KeeperListener, pid: number, { keeper, keeperRestarts }: GuardStatus): void {
  for (const listener of [...listeners]) listener[what]?.({ pid, restarts: keeperRestarts, state: keeper });
}

function stop(): void {
  clearTimeout(timer);
  timer = undefined;
  watched?.close();
  watched = undefined;
}
