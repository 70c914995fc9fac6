import { AsyncLocalStorage, AsyncResource, executionAsyncId } from 'node:async_hooks';

/*
 * Runs a child's exit in the async context of Node's own handle: the same async id, and the AsyncLocalStorage values of
 * the moment at which the child was made. Node has no public call for "as this resource", but AsyncResource's
 * runInAsyncScope serves any object that carries its symbols. Where these aren't as expected, each child gets an
 * AsyncResource of its own, which async hooks see as a second resource.
 */

interface Handle {
  getAsyncId(): number;
  /** Only where Node keeps AsyncLocalStorage values in frames (24 and later). */
  getAsyncContextFrameForDebuggingOnly?(): unknown;
}

interface Symbols {
  readonly id: symbol;
  readonly trigger: symbol;
  /** Only where frames are in use. */
  readonly frame: symbol | undefined;
}

export type RunInContext = (callback: (...args: never[]) => void, ...args: unknown[]) => void;

// Looked for now, so that the program's own async hooks don't see the sample.
const symbols = findSymbols();

/** Call while the handle is being made. */
export function contextOf(handle: Handle): RunInContext {
  const canBorrow =
    symbols !== null &&
    (symbols.frame === undefined || handle.getAsyncContextFrameForDebuggingOnly !== undefined);
  if (symbols === null || !canBorrow) {
    const resource = new AsyncResource('PROCESSWRAP', { requireManualDestroy: true });
    return (callback, ...args) => {
      resource.runInAsyncScope(callback as (...all: unknown[]) => void, handle, ...args);
      resource.emitDestroy();
    };
  }
  const { id, trigger, frame } = symbols;
  const triggerId = executionAsyncId();
  return (callback, ...args) => {
    Object.defineProperty(handle, id, { value: handle.getAsyncId(), configurable: true });
    Object.defineProperty(handle, trigger, { value: triggerId, configurable: true });
    if (frame !== undefined) {
      Object.defineProperty(handle, frame, {
        value: handle.getAsyncContextFrameForDebuggingOnly?.(),
        configurable: true,
      });
    }
    AsyncResource.prototype.runInAsyncScope.call(
      handle,
      callback as (...all: unknown[]) => void,
      handle,
      ...args,
    );
  };
}

/** Null: this Node keeps them otherwise. */
function findSymbols(): Symbols | null {
  const storage = new AsyncLocalStorage<number>();
  const sample = storage.run(1, () => new AsyncResource('PROCGUARD_SAMPLE', { requireManualDestroy: true }));
  const fields = sample as unknown as Record<symbol, unknown>;
  const own = Object.getOwnPropertySymbols(sample);
  const named = (name: string) => own.find((symbol) => symbol.description === name);
  const id = named('async_id_symbol');
  const trigger = named('trigger_async_id_symbol');
  const frame = named('context_frame');
  sample.emitDestroy();
  // Up to Node 22 a storage in use makes every promise of the process slower.
  storage.disable();
  if (id === undefined || trigger === undefined || fields[id] !== sample.asyncId()) return null;
  let seen = 0;
  AsyncResource.prototype.runInAsyncScope.call({ [id]: sample.asyncId(), [trigger]: 0 }, () => {
    seen = executionAsyncId();
  });
  if (seen !== sample.asyncId()) return null;
  return { id, trigger, frame: frame !== undefined && fields[frame] !== undefined ? frame : undefined };
}
