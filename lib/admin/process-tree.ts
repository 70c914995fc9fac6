import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { binding, isGuardedPlatform, type ProcessEntry } from '../guard/binding.js';
import { identify } from '../guard/identify.js';
import { parseMark } from '../guard/mark.js';
import { readProcessTable } from '../guard/process-table.js';
import type { ProcessView } from './messages.js';

const maxProcesses = 200;
const maxCommandChars = 300;

/** A worker with its descendants, parents before their children. Empty: it has ended, or can't be looked at. */
export async function processTreeOf(child: ChildProcess): Promise<ProcessView[]> {
  const root = identify(child);
  if (root === undefined || !isGuardedPlatform) return [];
  const table = await readProcessTable();
  const rootEntry = table.get(root.pid);
  if (rootEntry === undefined) return [];
  const tree = root.childNumber === undefined ? undefined : `${binding().hostIdentity()}.${root.childNumber}`;
  const byParent = new Map<number, ProcessEntry[]>();
  const marked: ProcessEntry[] = [];
  for (const entry of table.values()) {
    if (entry.dead || entry.pid === root.pid) continue;
    byParent.set(entry.parent, [...(byParent.get(entry.parent) ?? []), entry]);
    if (tree !== undefined && entry.mark?.startsWith(tree) && parseMark(entry.mark)?.tree === tree)
      marked.push(entry);
  }
  const found = new Map<number, { entry: ProcessEntry; depth: number }>();
  const add = (entry: ProcessEntry, depth: number) => {
    if (found.has(entry.pid) || found.size >= maxProcesses) return;
    found.set(entry.pid, { entry, depth });
    for (const descendant of byParent.get(entry.pid) ?? []) add(descendant, depth + 1);
  };
  add(rootEntry, 0);
  // Those that have left the tree by a double fork.
  for (const entry of marked) if (!found.has(entry.parent)) add(entry, 1);
  return Promise.all(
    [...found.values()].map(async ({ entry, depth }) => ({
      pid: entry.pid,
      parent: entry.parent,
      depth,
      ...(await lookInto(entry.pid)),
      isDetached: entry.session !== rootEntry.session,
      isStopped: entry.stopped,
    })),
  );
}

async function lookInto(pid: number): Promise<Pick<ProcessView, 'command' | 'rssBytes'>> {
  const { darwin } = binding();
  if (darwin !== undefined) {
    const [program = '[ended]', ...args] = darwin.argumentsOf(pid);
    const command = [path.basename(program), ...args].join(' ').slice(0, maxCommandChars);
    return { command, rssBytes: darwin.footprintOf(pid) || null };
  }
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  const [line, name, status] = await Promise.all([read('cmdline'), read('comm'), read('status')]);
  const [program = '', ...args] = line.split('\0');
  // Where the program lies matters less than what it was given.
  const command = [path.basename(program), ...args].join(' ').trim() || `[${name.trim() || 'ended'}]`;
  // Not statm, which counts in pages: their size differs from machine to machine.
  const rssKb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return {
    command: command.slice(0, maxCommandChars),
    rssBytes: rssKb === undefined ? null : Number(rssKb) * 1024,
  };
}
