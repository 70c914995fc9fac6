import type { GuardedNode, HostEntry } from './inventory.js';
import { styled } from './output.js';
import { formatAge, formatBytes } from './units.js';

type Row = [pid: string, age: string, rss: string, guard: string, command: string];

/** Hosts and their trees as lines to read, each at most `width` columns wide. */
export function formatHosts(hosts: readonly HostEntry[], width: number | undefined): string[] {
  if (hosts.length === 0) return ['No process of this machine is guarded.'];
  const rows: Row[] = [];
  const hostRows = new Map<Row, HostEntry>();
  for (const host of hosts) {
    const row = hostRow(host);
    hostRows.set(row, host);
    rows.push(row);
    addTrees(rows, host.processes, '');
  }
  const lines = align([['PID', 'AGE', 'RSS', 'GUARD', 'COMMAND'], ...rows]).map((line) =>
    line.slice(0, width),
  );
  return lines.map((line, index) => {
    const host = hostRows.get(rows[index - 1] as Row);
    if (index === 0) return styled('dim', line);
    if (host === undefined) return line;
    return styled(host.state === 'alive' ? 'bold' : 'red', line);
  });
}

function hostRow({ pid, state, command, ageMs, rssBytes, keeperPid }: HostEntry): Row {
  const keeper = keeperPid === undefined ? 'no keeper' : `keeper ${keeperPid}`;
  if (state === 'alive') return [String(pid), formatAge(ageMs), formatBytes(rssBytes), keeper, command];
  const why = state === 'dead' ? '(host is dead)' : '(host of another boot or namespace)';
  return [String(pid), '-', '-', keeperPid === undefined ? state : keeper, why];
}

function addTrees(rows: Row[], nodes: readonly GuardedNode[], indent: string): void {
  nodes.forEach((node, index) => {
    const isLast = index === nodes.length - 1;
    const branch = `${indent}${isLast ? '└─ ' : '├─ '}`;
    rows.push([
      String(node.pid),
      formatAge(node.ageMs),
      formatBytes(node.rssBytes),
      node.tree,
      branch + node.command,
    ]);
    addTrees(rows, node.children, `${indent}${isLast ? '   ' : '│  '}`);
  });
}

function align(rows: readonly Row[]): string[] {
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const [pids, ages, sizes, guards] = widths as [number, number, number, number];
  return rows.map(
    ([pid, age, rss, guard, command]) =>
      `${pid.padStart(pids)}  ${age.padStart(ages)}  ${rss.padStart(sizes)}  ${guard.padEnd(guards)}  ${command}`,
  );
}
