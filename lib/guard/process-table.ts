import { errnoName, ProcguardError } from '../errors.js';
import { binding, type ProcessEntry } from './binding.js';

/** Everything that runs on this machine and can be seen, by pid. Throws `ERR_PROCGUARD_SYSTEM`. */
export async function readProcessTable(): Promise<Map<number, ProcessEntry>> {
  const text = await binding().snapshot();
  if (typeof text === 'number') {
    throw new ProcguardError(
      'ERR_PROCGUARD_SYSTEM',
      `The process table can't be read (${errnoName(text)}). Mount /proc, and allow more open files.`,
      { errno: text, syscall: 'open' },
    );
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
export function ancestry(table: Map<number, ProcessEntry>, pid: number): Set<number> {
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

export function isAlive(table: Map<number, ProcessEntry>, { pid, startTicks }: ProcessId): boolean {
  const entry = table.get(pid);
  return entry !== undefined && !entry.dead && entry.startTicks === startTicks;
}
