import { errnoName, ProcguardError } from '../errors.js';
import { binding, type ProcessEntry } from './binding.js';

/** Everything that runs on this machine and can be seen, by pid. Throws `ERR_PROCGUARD_SYSTEM`. */
export async function readProcessTable(): Promise<Map<number, ProcessEntry>> {
  const entries = await binding().snapshot();
  if (typeof entries === 'number') {
    throw new ProcguardError(
      'ERR_PROCGUARD_SYSTEM',
      `The process table can't be read (${errnoName(entries)}). Mount /proc.`,
      { errno: entries, syscall: 'open' },
    );
  }
  return new Map(entries.map((entry) => [entry.pid, entry]));
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
