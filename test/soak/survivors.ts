import { readdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { capabilities } from '../../lib/index.js';
import { readProc, readStat } from '../helpers/proc.js';

/** The processes of the kill with this tag, one line each. */
export function findSurvivors(tag: string): string[] {
  return tagged(tag).map((pid) => {
    const command = readProc(pid, 'cmdline')?.replaceAll('\0', ' ').trim();
    const { state, ppid } = readStat(pid) ?? {};
    return `${pid} (state ${state}, parent ${ppid}) ${command}`;
  });
}

/** Kills the processes of the kill with this tag, which nobody else's environment carries. */
export function endSurvivors(tag: string): void {
  for (const pid of tagged(tag)) process.kill(pid, 'SIGKILL');
}

/** The keepers of these hosts that still run, one line each. */
export function findKeepers(hostPids: ReadonlySet<number>): string[] {
  return pids()
    .filter((pid) => {
      if (!readProc(pid, 'comm')?.startsWith('procguard-keepe') || readStat(pid)?.state === 'Z') return false;
      return hostPids.has(Number.parseInt(readProc(pid, 'cmdline')?.split('\0')[1] ?? '', 10));
    })
    .map((pid) => `${pid} (keeper) ${readProc(pid, 'cmdline')?.replaceAll('\0', ' ')}`);
}

/** Removes the cgroups of these dead hosts and returns their paths. Only a sweep would do that otherwise. */
export function removeCgroups(hostPids: ReadonlySet<number>): string[] {
  const own = capabilities().cgroup;
  if (own === undefined) return [];
  const left = directories(dirname(own)).filter((path) => {
    const host = /\/procguard-\d+-(\d+)-\d+$/.exec(path)?.[1];
    return host !== undefined && hostPids.has(Number(host)) && readStat(Number(host)) === undefined;
  });
  for (const path of left) {
    for (const leaf of directories(path)) rmdirSync(leaf);
    rmdirSync(path);
  }
  return left;
}

function directories(parent: string): string[] {
  const entries = readdirSync(parent, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(parent, name));
}

function tagged(tag: string): number[] {
  return pids().filter((pid) => {
    try {
      return readProc(pid, 'environ')?.split('\0').includes(`PROCGUARD_SOAK=${tag}`);
    } catch {
      return false;
    }
  });
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}
