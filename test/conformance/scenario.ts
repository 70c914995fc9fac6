import type { ChildProcess, exec, execFile, fork, spawn } from 'node:child_process';
import type { Log, Transcript } from './transcript.js';

/** The functions under test: Node's own, or procguard's. */
export interface Functions {
  spawn: typeof spawn;
  fork: typeof fork;
  exec: typeof exec;
  execFile: typeof execFile;
}

/**
 * `node`: Node's functions. `procguard`: procguard's functions. `register`: Node's functions after
 * `import 'procguard/register'`.
 */
export type Implementation = 'node' | 'procguard' | 'register';

export interface Context {
  cp: Functions;
  implementation: Implementation;
  /** Writes to the main lane. */
  log: Log;
  /** Opens another lane, whose entries have no order relative to those of the main lane. */
  lane(name: string): Log;
  transcript: Transcript;
  /** An empty folder of this scenario's own. */
  dir: string;
  /** Path of a program in test/fixtures/conformance. */
  fixture(name: string): string;
  /** Logs all events of a child and its streams, each in a lane of its own, until after its `close`. */
  follow(child: ChildProcess, name?: string): Promise<void>;
  /** Logs what `action` returned or threw. */
  attempt<T>(label: string, action: () => T): T | undefined;
}

export type Run = (context: Context) => unknown;

export interface Scenario {
  run: Run;
  /** Needs a process of its own: it changes limits, credentials, or the process's own stdio. */
  alone?: boolean;
  /** Command line that starts the runner of a scenario that is run alone. */
  wrapper?: string[];
  nodeArgs?: string[] | ((major: number) => string[]);
  needsRoot?: boolean;
  /** Uses what only Node's own module exports, so procguard's functions can't run it. */
  registerOnly?: boolean;
  /** Why a guarded child shows something else; stands in docs/architecture.md too. */
  differs?: string;
}

export type Subject = Record<string, Run | Scenario>;

export function scenarioOf(subject: Subject, name: string): Scenario {
  const entry = subject[name];
  if (entry === undefined) throw new Error(`No scenario is called '${name}'`);
  return typeof entry === 'function' ? { run: entry } : entry;
}
