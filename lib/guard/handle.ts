import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import { contextOf, type RunInContext } from './async-context.js';
import { type Binding, binding, type GuardedProcess, startedBinding } from './binding.js';
import { uvErrno } from './errno.js';
import { mayStartChildren, type Policy } from './policy.js';
import { flagsOf, readRequest, type SpawnRequest } from './spawn-request.js';
import { attachStreams, describeStdio, needsNodeForStream } from './stdio.js';

/*
 * A guarded child keeps Node's own ChildProcess and its own handle; only the handle's methods are ours. Its prototype
 * is replaced, before the child is started, by one that inherits from Node's.
 */

/** What Node's `ChildProcess` expects of its handle. */
interface ProcessHandle {
  pid?: number;
  onexit(exitCode: number | null, signal: string): void;
  spawn(...args: unknown[]): number;
  kill(signal: number): number;
  ref(): void;
  unref(): void;
  hasRef(): boolean;
  close(callback?: () => void): void;
  getAsyncId(): number;
}

/** What is known of one child, for `guardOf` and `killTree`. */
export interface GuardRecord {
  readonly policy: Policy;
  readonly native: GuardedProcess;
  /** The guard could not be started yet when this child was. */
  readonly isEarly: boolean;
  /** `pending` until Node starts it; `left` when it was left to Node. */
  state: 'pending' | 'guarded' | 'left';
  /** As whom it was started; undefined: as the host. */
  uid?: number | undefined;
  gid?: number | undefined;
}

// Node 20 throws what the conversion of an argument throws; later ones take such an argument for empty.
const throwsOnOddArguments = Number.parseInt(process.versions.node, 10) < 22;

const records = new WeakMap<ChildProcess, GuardRecord>();

interface HandleState {
  readonly record: GuardRecord;
  readonly node: ProcessHandle;
  readonly runInContext: RunInContext;
  /** Node's spawn takes one object (up to 22) or a list of values; undefined: it hasn't been called. */
  takesObject: boolean | undefined;
  referenced: boolean;
  closed: boolean;
}

const states = new WeakMap<ProcessHandle, HandleState>();
const prototypes = new WeakMap<ProcessHandle, ProcessHandle>();

export function recordOf(child: ChildProcess): GuardRecord | undefined {
  return records.get(child);
}

/** Puts a child that Node has just constructed, and not yet started, under guard. */
export function takeOver(child: ChildProcess, policy: Policy): void {
  const handle = (child as unknown as { _handle: ProcessHandle })._handle;
  const node = Object.getPrototypeOf(handle) as ProcessHandle;
  const addon: Binding = binding();
  const isEarly = startedBinding() === undefined;
  const record: GuardRecord = { policy, native: new addon.GuardedProcess(), isEarly, state: 'pending' };
  records.set(child, record);
  const runInContext = contextOf(handle);
  states.set(handle, { record, node, runInContext, takesObject: undefined, referenced: true, closed: false });
  Object.setPrototypeOf(handle, guardedPrototype(node));
}

function stateOf(handle: ProcessHandle): HandleState {
  return states.get(handle) as HandleState;
}

function guardedPrototype(node: ProcessHandle): ProcessHandle {
  let made = prototypes.get(node);
  if (made === undefined) {
    made = Object.create(node, Object.getOwnPropertyDescriptors(methods)) as ProcessHandle;
    prototypes.set(node, made);
  }
  return made;
}

const methods = {
  spawn(this: ProcessHandle, ...args: unknown[]): number {
    const state = stateOf(this);
    const { record, node } = state;
    state.takesObject = args.length === 1;
    const request = readRequest(args);
    if (record.policy.sparesDetached && request.detached) {
      record.state = 'left';
      Object.setPrototypeOf(this, node);
      return this.spawn(...args);
    }
    if (needsNodeForStream(request.stdio ?? [])) {
      Object.setPrototypeOf(this, node);
      return adopt(this, record, this.spawn(...args));
    }
    if (throwsOnOddArguments && request.args !== undefined)
      request.args = request.args.map((arg) => `${arg}`);
    return start(this, state, request);
  },

  kill(this: ProcessHandle, signal: number): number {
    return stateOf(this).record.native.kill(signal);
  },

  ref(this: ProcessHandle): void {
    setReferenced(this, true);
  },

  unref(this: ProcessHandle): void {
    setReferenced(this, false);
  },

  hasRef(this: ProcessHandle): boolean {
    const state = stateOf(this);
    return this.pid !== undefined && state.referenced && !state.closed;
  },

  close(this: ProcessHandle, callback?: () => void): void {
    const state = stateOf(this);
    // Node's doesn't call back either for a handle that was never started.
    if (state.closed || state.takesObject === undefined) return;
    state.closed = true;
    state.record.native.close();
    const closeNodeHandle = () => state.node.close.call(this, callback);
    if (refuse(this, state)) binding().closeRefused(closeNodeHandle);
    else closeNodeHandle();
  },
};

function setReferenced(handle: ProcessHandle, referenced: boolean): void {
  const state = stateOf(handle);
  if (handle.pid === undefined || state.closed) return;
  state.referenced = referenced;
  state.record.native.setReferenced(referenced);
}

// Node frees a handle only after it has been handed to libuv; a spawn that libuv refuses before it forks does that.
// False: it may not be done, as the right to start children has been dropped meanwhile, and the handle stays.
function refuse(handle: ProcessHandle, { node, takesObject }: HandleState): boolean {
  if (!mayStartChildren()) return false;
  const stdio = [{ type: 'fd', fd: -1 }];
  // On Windows what libuv refuses is a user.
  const uid = process.platform === 'win32' ? 0 : undefined;
  if (takesObject) node.spawn.call(handle, { file: '', args: [], envPairs: [], stdio, uid });
  else node.spawn.call(handle, '', [], undefined, [], stdio, 0, uid, undefined);
  return true;
}

// Node has started it, and it is put under guard a moment later.
function adopt(handle: ProcessHandle, record: GuardRecord, error: number): number {
  if (error !== 0) return error;
  record.native.adopt?.(handle.pid as number, record.policy.containment === 'tree');
  record.state = 'guarded';
  return 0;
}

function start(handle: ProcessHandle, state: HandleState, request: SpawnRequest): number {
  const { record, runInContext } = state;
  const { policy, native } = record;
  const entries = request.stdio ?? [];
  const stdio = describeStdio(entries);
  if (stdio === undefined) return uvErrno.EINVAL;
  const { uid, gid } = request;
  const pid = native.spawn(
    request.file,
    request.args,
    request.cwd === '' ? undefined : request.cwd,
    request.envPairs,
    stdio,
    flagsOf(request, policy),
    uid ?? 0,
    gid ?? 0,
    policy.graceMs,
    (exitCode, signal) => {
      runInContext(handle.onexit, exitCode, signalName(signal ?? 0));
    },
  );
  const streamError = attachStreams(entries, stdio, native);
  if (pid < 0) return pid;
  record.state = 'guarded';
  record.uid = uid ?? undefined;
  record.gid = gid ?? undefined;
  handle.pid = pid;
  if (streamError === 0) return 0;
  // With what it has started by now, where that can be told.
  if (native.endTree?.() !== 0) native.kill(os.constants.signals.SIGKILL);
  return streamError;
}

// Of two names for one number, the first is the one that Node reports.
const signalNames = new Map<number, string>();
for (const [name, number] of Object.entries(os.constants.signals)) {
  if (!signalNames.has(number)) signalNames.set(number, name);
}

/** Empty for none, and for real-time signals, which have no name in Node either. */
function signalName(signal: number): string {
  return signalNames.get(signal) ?? '';
}
