import { answerWithin } from '../clock.js';
import { addon, type ProcessEntry } from './binding.js';
import { lookLimitMs, looksTooLong } from './look-limit.js';
import { cannotLook } from './proc-errors.js';

export type ProcessTable = ReadonlyMap<number, ProcessEntry>;

let underway: Promise<unknown> = Promise.resolve();
let next: Promise<ProcessTable> | undefined;

/**
 * Everything that runs on this machine and can be seen, by pid, as it is after this call. All who ask while a look is under
 * way share the one that follows it: that look may have missed what they want to see. Rejects with `ERR_PROCGUARD_SYSTEM`,
 * within ten seconds.
 */
export async function readProcessTable(): Promise<ProcessTable> {
  const table = await answerWithin(lookLimitMs, nextLook());
  if (table === undefined) throw looksTooLong("The process table can't be read");
  return table;
}

function nextLook(): Promise<ProcessTable> {
  next ??= underway.then(() => {
    const table = look();
    next = undefined;
    underway = table.then(lookedAt, lookedAt);
    return table;
  });
  return next;
}

// It must not hold the table.
function lookedAt(): void {}

async function look(): Promise<ProcessTable> {
  const text = await addon().snapshot();
  if (typeof text === 'number') {
    throw cannotLook("The process table can't be read", text);
  }
  const table = new Map<number, ProcessEntry>();
  for (const line of text.split('\n')) {
    if (line !== '') addEntry(table, line);
  }
  return table;
}

// As to_text in native/snapshot_job.cc writes it.
function addEntry(table: Map<number, ProcessEntry>, line: string): void {
  const [pid, parent, group, session, startTicks, flags = '', mark] = line.split(' ');
  table.set(Number(pid), {
    pid: Number(pid),
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTicks: Number(startTicks),
    dead: flags.includes('d'),
    stopped: flags.includes('s'),
    keeper: flags.includes('k'),
    readable: flags.includes('r'),
    sameNamespaces: flags.includes('n'),
    ...(mark === undefined ? {} : { mark }),
  });
}

/** This process and those it descends from. */
export function ancestry(table: ProcessTable, pid: number): Set<number> {
  const line = new Set<number>();
  for (let at = table.get(pid); at !== undefined && !line.has(at.pid); at = table.get(at.parent))
    line.add(at.pid);
  return line;
}

/** A process as an identity: its pid alone may be somebody else's by now. */
export interface ProcessId {
  readonly pid: number;
  readonly startTicks: number;
}

export function isAlive(table: ProcessTable, { pid, startTicks }: ProcessId): boolean {
  const entry = table.get(pid);
  return entry !== undefined && !entry.dead && entry.startTicks === startTicks;
}
