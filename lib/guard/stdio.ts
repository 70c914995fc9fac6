import { closeSync } from 'node:fs';
import type { GuardedProcess } from './binding.js';

/** An entry of the `stdio` list as Node has normalized it. */
export interface StdioEntry {
  type: 'pipe' | 'overlapped' | 'ignore' | 'inherit' | 'fd' | 'wrap';
  fd?: number;
  handle?: { fd: number; open(fd: number): number | undefined };
  /** It is the IPC channel. */
  ipc?: boolean;
}

// As in the two guarded_process.cc below native/.
const ignore = -1;
const newPipe = -2;
const newOverlappedPipe = -3;

const isWindows = process.platform === 'win32';

/** What the native side takes for this list. Undefined: libuv would refuse it. */
export function describeStdio(entries: readonly StdioEntry[]): Int32Array | undefined {
  const stdio = new Int32Array(entries.length);
  for (let i = 0; i < entries.length; i++) {
    const fd = descriptorOf(entries[i] as StdioEntry);
    if (fd === undefined) return undefined;
    stdio[i] = fd;
  }
  return stdio;
}

/** A stream of the host is given to the child. On Windows only Node itself can do that: the stream doesn't tell its handle. */
export function needsNodeForStream(entries: readonly StdioEntry[]): boolean {
  return isWindows && entries.some(({ type }) => type === 'wrap');
}

function descriptorOf(entry: StdioEntry): number | undefined {
  switch (entry.type) {
    case 'ignore':
      return ignore;
    case 'pipe':
      return isWindows && entry.ipc ? newOverlappedPipe : newPipe;
    case 'overlapped':
      return isWindows ? newOverlappedPipe : newPipe;
    default: {
      const fd = (entry.type === 'wrap' ? entry.handle?.fd : entry.fd) ?? -1;
      // libuv takes -1 for a mistake and other negative numbers for "none".
      if (fd === -1) return undefined;
      return fd < 0 ? ignore : fd;
    }
  }
}

/** Gives Node the host's ends of the pipes that the native side has made. 0 or a negative errno. */
export function attachStreams(
  entries: readonly StdioEntry[],
  stdio: Int32Array,
  child: GuardedProcess,
): number {
  let error = 0;
  for (let i = 0; i < entries.length; i++) {
    const { type, handle, ipc } = entries[i] as StdioEntry;
    const fd = stdio[i] as number;
    // Still the placeholder: the pipes could not be made.
    if ((type !== 'pipe' && type !== 'overlapped') || fd < 0 || handle === undefined) continue;
    const refused = handle.open(fd) ?? 0;
    if (refused !== 0) {
      error = refused;
      closeSync(fd);
    } else if (ipc && child.bindChannel?.(fd) === false) {
      process.emitWarning(
        `Node ${process.version} has a libuv unlike that which procguard was built with: messages reach the child, but sockets and servers can't be sent to it. Build procguard with this Node, or start the child with guard: false.`,
        { type: 'ProcguardWarning', code: 'PROCGUARD_IPC_PEER_UNKNOWN' },
      );
    }
  }
  return error;
}
