import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { addon, binding, hasJobs, isGuardedPlatform, type ProcessEntry } from '../guard/binding.js';
import { recordOf } from '../guard/handle.js';
import { identify, type TreeId } from '../guard/identify.js';
import { parseMark } from '../guard/mark.js';
import { readProcessTable } from '../guard/process-table.js';
import { sampleProcesses } from '../health/sample.js';
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
  const belongs = membershipOf(child, root);
  const byParent = new Map<number, ProcessEntry[]>();
  const known: ProcessEntry[] = [];
  for (const entry of table.values()) {
    if (entry.dead || entry.pid === root.pid) continue;
    byParent.set(entry.parent, [...(byParent.get(entry.parent) ?? []), entry]);
    if (belongs(entry)) known.push(entry);
  }
  const found = new Map<number, { entry: ProcessEntry; depth: number }>();
  const add = (entry: ProcessEntry, depth: number) => {
    if (found.has(entry.pid) || found.size >= maxProcesses) return;
    found.set(entry.pid, { entry, depth });
    for (const descendant of byParent.get(entry.pid) ?? []) add(descendant, depth + 1);
  };
  add(rootEntry, 0);
  // Those that have left the tree by a double fork.
  for (const entry of known) if (!found.has(entry.parent)) add(entry, 1);
  const members = [...found.values()];
  const looks = await (hasJobs ? lookIntoAll : lookIntoEach)(members.map(({ entry }) => entry));
  return members.map(({ entry, depth }, index) => ({
    pid: entry.pid,
    parent: entry.parent,
    depth,
    ...(looks[index] as Look),
    isDetached: entry.session !== rootEntry.session,
    isStopped: entry.stopped,
  }));
}

/** Says of a process whether the child's guard holds it. */
function membershipOf(child: ChildProcess, { childNumber }: TreeId): (entry: ProcessEntry) => boolean {
  if (hasJobs) {
    const pids = recordOf(child)?.native.treePids?.();
    const inJob = new Set(Array.isArray(pids) ? pids : []);
    return ({ pid }) => inJob.has(pid);
  }
  if (childNumber === undefined) return () => false;
  const tree = `${binding().hostIdentity()}.${childNumber}`;
  return ({ mark }) => mark?.startsWith(tree) === true && parseMark(mark)?.tree === tree;
}

type Look = Pick<ProcessView, 'command' | 'rssBytes'>;

function lookIntoEach(entries: readonly ProcessEntry[]): Promise<Look[]> {
  return Promise.all(entries.map(({ pid }) => lookInto(pid)));
}

/** On Windows the arguments of a process are its own affair. */
async function lookIntoAll(entries: readonly ProcessEntry[]): Promise<Look[]> {
  const samples = await sampleProcesses(entries, { trees: false });
  return entries.map(({ pid, startTicks }, index) => {
    const program = addon().programOf(pid, startTicks);
    const { outcome, rssBytes } = samples.get(index);
    return {
      command: typeof program === 'string' ? path.basename(program).slice(0, maxCommandChars) : '[ended]',
      rssBytes: outcome === 'sampled' ? rssBytes : null,
    };
  });
}

async function lookInto(pid: number): Promise<Look> {
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
