import type { Policy } from './policy.js';
import type { StdioEntry } from './stdio.js';

/** What Node's `ChildProcess` asks its handle for. */
export interface SpawnRequest {
  file: string;
  args: string[] | undefined;
  cwd: string | undefined;
  envPairs: string[] | undefined;
  stdio: StdioEntry[] | undefined;
  detached: boolean;
  uid: number | null | undefined;
  gid: number | null | undefined;
  windowsHide: boolean;
  windowsVerbatimArguments: boolean;
}

// As in the two guarded_process.cc below native/; on Windows a new session is a process without a console.
const spawnFlags = {
  newSession: 1,
  setUid: 2,
  setGid: 4,
  tree: 8,
  inheritEnvironment: 16,
  hide: 32,
  verbatim: 64,
  consoleGroup: 128,
};
// Node 24 and later pass options of the process as bits.
const nodeFlags = { detached: 1, windowsHide: 2, windowsVerbatimArguments: 4 };

/** Node's spawn takes one object (up to 22) or a list of values. */
export function readRequest(args: readonly unknown[]): SpawnRequest {
  if (args.length === 1) return args[0] as SpawnRequest;
  const [file, argv, cwd, envPairs, stdio, bits, uid, gid] = args;
  const has = (bit: number) => ((bits as number) & bit) !== 0;
  return {
    file,
    args: argv,
    cwd,
    envPairs,
    stdio,
    detached: has(nodeFlags.detached),
    uid,
    gid,
    windowsHide: has(nodeFlags.windowsHide),
    windowsVerbatimArguments: has(nodeFlags.windowsVerbatimArguments),
  } as SpawnRequest;
}

/** The native side's flags for this request. */
export function flagsOf(request: SpawnRequest, policy: Policy): number {
  const { uid, gid } = request;
  return (
    (request.detached ? spawnFlags.newSession : 0) |
    (uid == null ? 0 : spawnFlags.setUid) |
    (gid == null ? 0 : spawnFlags.setGid) |
    (policy.containment === 'tree' ? spawnFlags.tree : 0) |
    (policy.inheritsEnvironment ? spawnFlags.inheritEnvironment : 0) |
    (request.windowsHide ? spawnFlags.hide : 0) |
    (request.windowsVerbatimArguments ? spawnFlags.verbatim : 0) |
    (policy.leadsConsoleGroup ? spawnFlags.consoleGroup : 0)
  );
}
