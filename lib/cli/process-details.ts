import { readFile } from 'node:fs/promises';
import { addon, type DarwinProcesses, type ProcessEntry } from '../guard/binding.js';

/** What is shown of one process besides its place in the table. */
export interface ProcessDetails {
  readonly command: string;
  readonly ageMs: number;
  readonly rssBytes: number;
  /** Its cgroup v2, as in `/proc/<pid>/cgroup`; empty: none. */
  readonly cgroup: string;
}

// What user space is shown, on every architecture that Node runs on.
const ticksPerS = 100;

/** Milliseconds since boot, as start times count them. Undefined: can't be told. */
export async function readUptimeMs(): Promise<number | undefined> {
  const text = await readFile('/proc/uptime', 'utf8').catch(() => '');
  return text === '' ? undefined : Number.parseFloat(text) * 1000;
}

/** Looks at a process by its pid. What has ended in the meantime shows as empty. */
export async function readDetails(
  { pid, startTicks }: ProcessEntry,
  uptimeMs: number | undefined,
): Promise<ProcessDetails> {
  const { darwin } = addon();
  if (darwin !== undefined) return detailsOnDarwin(darwin, pid, startTicks);
  const [commandLine, name, status, cgroups] = (await Promise.all(
    ['cmdline', 'comm', 'status', 'cgroup'].map((file) =>
      readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''),
    ),
  )) as [string, string, string, string];
  const words = commandLine.replace(/\0+$/, '').replaceAll('\0', ' ');
  return {
    command: printable(words === '' ? `[${name.trim()}]` : words),
    ageMs: uptimeMs === undefined ? 0 : Math.max(0, uptimeMs - (startTicks / ticksPerS) * 1000),
    rssBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024,
    cgroup: /^0::(.*)$/m.exec(cgroups)?.[1] ?? '',
  };
}

// Start times are microseconds since 1970 there.
function detailsOnDarwin(darwin: DarwinProcesses, pid: number, startTicks: number): ProcessDetails {
  return {
    command: printable(darwin.argumentsOf(pid).join(' ')),
    ageMs: Math.max(0, Date.now() - startTicks / 1000),
    rssBytes: darwin.footprintOf(pid),
    cgroup: '',
  };
}

// A process may call itself anything, and must not write on the reader's terminal.
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not pass
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
}
