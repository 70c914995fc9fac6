import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface NodeBinary {
  major: number;
  path: string;
}

/** Majors that test/nodes/package.json installs, besides the Node that runs the tests. */
const installable = [22, 24, 26];

/** The Node binaries that the suite is run on, and the majors that are not installed. */
export function findNodes(): { nodes: NodeBinary[]; absent: number[] } {
  const nodes = [{ major: Number.parseInt(process.versions.node, 10), path: process.execPath }];
  const absent: number[] = [];
  for (const major of installable) {
    const path = fileURLToPath(
      new URL(`../../../test/nodes/node_modules/node-${major}/bin/node`, import.meta.url),
    );
    if (major === nodes[0]?.major) continue;
    if (existsSync(path) && runs(path)) nodes.push({ major, path });
    else absent.push(major);
  }
  return { nodes, absent };
}

function runs(path: string) {
  try {
    execFileSync(path, ['--version']);
    return true;
  } catch {
    return false;
  }
}
