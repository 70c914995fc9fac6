import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { NodeBinary } from './nodes.js';
import { type Implementation, type Scenario, scenarioOf } from './scenario.js';
import { subjects } from './subjects.js';

const host = fileURLToPath(new URL('host.js', import.meta.url));
const deadlineMs = 60_000;

/** What came of one scenario: its transcript, or how its process ended before there was one. */
export interface Outcome {
  transcript?: unknown;
  host?: HostEnd;
}

interface HostEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Batch {
  node: NodeBinary;
  implementation: Implementation;
  subjectName: string;
  names: string[];
}

/**
 * Runs scenarios one after the other in one process, or each in its own where it asks for that. When one brings the
 * process down, the next begin in a new process.
 */
export async function runBatch({ names, ...batch }: Batch): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  let together = names.filter((name) => !find(batch, name).alone);
  while (together.length > 0) {
    const { results, end } = await runHost(batch, together);
    for (const [name, transcript] of results) outcomes.set(name, { transcript });
    const rest = together.slice(results.size);
    if (rest[0] !== undefined) outcomes.set(rest[0], { host: end });
    else if (end.code !== 0 && !endedItself(end, together))
      outcomes.set(together.at(-1) as string, { host: end });
    together = rest.slice(1);
  }
  for (const name of names.filter((name) => find(batch, name).alone)) {
    const { results, end } = await runHost(batch, [name], find(batch, name));
    outcomes.set(name, { transcript: results.get(name), host: end });
  }
  return outcomes;
}

/** See the last line of host.ts. */
function endedItself({ signal }: HostEnd, names: string[]) {
  return names.length > 1 && signal === 'SIGKILL';
}

function find({ subjectName }: Omit<Batch, 'names'>, name: string) {
  return scenarioOf(subjects[subjectName] ?? {}, name);
}

async function runHost(
  { node, implementation, subjectName }: Omit<Batch, 'names'>,
  names: string[],
  { wrapper = [], nodeArgs = [] }: Partial<Scenario> = {},
) {
  const dir = mkdtempSync(join(tmpdir(), 'procguard-conformance-'));
  chmodSync(dir, 0o755);
  const resultFile = join(dir, 'results');
  const flags = typeof nodeArgs === 'function' ? nodeArgs(node.major) : nodeArgs;
  const program = [node.path, ...flags, host, implementation, subjectName, resultFile];
  const [file, ...args] = [...wrapper, ...program, ...names.map((name) => encodeURIComponent(name))] as [
    string,
  ];
  const child = spawn(file, args, {
    env: environment(dir),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = await hostEnd(child);
  const results = readResults(resultFile);
  rmSync(dir, { recursive: true, force: true });
  return { results, end };
}

function environment(dir: string) {
  const { PATH, HOME, PROCGUARD_DISABLE } = process.env;
  return { PATH, HOME, TMPDIR: dir, LANG: 'C.UTF-8', ...(PROCGUARD_DISABLE && { PROCGUARD_DISABLE }) };
}

async function hostEnd(
  child: ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream },
): Promise<HostEnd> {
  const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), deadlineMs);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
      child.once('close', (...end) => resolve(end)),
    ),
  ]);
  clearTimeout(timer);
  return { code, signal, stdout, stderr: stderr.replaceAll(/\(node:\d+\)/g, '(node)').slice(-4000) };
}

function readResults(file: string) {
  const results = new Map<string, unknown>();
  if (!existsSync(file)) return results;
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const [name, transcript] = JSON.parse(line) as [string, unknown];
    results.set(name, transcript);
  }
  return results;
}
