import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import type { Context } from './scenario.js';

/** Fields of /proc/<pid>/stat by their numbers in proc(5), from 3 on. */
export function statFields(stat: string) {
  const values = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (field: number) => values[field - 3];
}

export function readStat(pid: number | undefined) {
  return statFields(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** True when the process has died, whether it was reaped or not. */
export function isDead(pid: number | undefined) {
  try {
    return readStat(pid)(3) === 'Z';
  } catch {
    return true;
  }
}

/** Blocks the event loop until `condition` holds. */
export function blockUntil(condition: () => boolean) {
  const end = performance.now() + 10_000;
  while (!condition()) if (performance.now() > end) throw new Error('The condition never held');
}

/** Lets the event loop run until `condition` holds. */
export async function runUntil(condition: () => boolean) {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('The condition never held');
    await turn();
  }
}

/** Waits for `close`, also when an `error` comes before it, which `events.once` does not. */
export function closed(child: ChildProcess) {
  return new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('close', (...values) => resolve(values));
  });
}

/**
 * Waits for `exit` and what follows it at once. For children whose channel the host closed: Node emits no `close` then.
 */
export async function exited(child: ChildProcess) {
  await new Promise((resolve) => child.once('exit', resolve));
  await turn();
  await turn();
}

/** What `sh -c script` printed. */
export async function output({ cp }: Pick<Context, 'cp'>, script: string, options: SpawnOptions = {}) {
  const child = cp.spawn('/bin/sh', ['-c', script], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await Promise.all([text(child.stdout as Readable), once(child, 'close')]);
  return printed;
}

/**
 * The descriptors of a child with the given `stdio`: what each is, its flags, and, by equal numbers, which of them are
 * the same open socket or pipe.
 */
export async function childDescriptors({ cp, dir }: Context, stdio: unknown, options: SpawnOptions = {}) {
  const listing = join(dir, 'descriptors');
  const script = 'ls -l /proc/$$/fd >"$0"; grep -sH flags /proc/$$/fdinfo/* >"$0.flags"; :';
  const child = cp.spawn('/bin/sh', ['-c', script, listing], { ...options, stdio: stdio as 'pipe' });
  for (const stream of child.stdio) if (stream && 'resume' in stream) stream.resume();
  await once(child, 'close');
  return parseDescriptors(readFileSync(listing, 'utf8'), readFileSync(`${listing}.flags`, 'utf8'));
}

function parseDescriptors(listing: string, flags: string) {
  const seen = new Map<string, number>();
  const targets: Record<string, string> = {};
  const found = [...listing.matchAll(/ (\d+) -> (.+)$/gm)] as unknown as [string, string, string][];
  for (const [, fd, target] of found.sort((left, right) => Number(left[1]) - Number(right[1]))) {
    const anonymous = /^(socket|pipe):\[\d+\]$/.exec(target);
    if (anonymous && !seen.has(target)) seen.set(target, seen.size);
    targets[fd] = anonymous ? `${anonymous[1]} ${seen.get(target)}` : target;
  }
  for (const [, fd, octal] of flags.matchAll(/fdinfo\/(\d+):flags:\s+(\d+)/g) as Iterable<
    [string, string, string]
  >) {
    targets[fd] += ` flags ${octal}`;
  }
  return targets;
}
