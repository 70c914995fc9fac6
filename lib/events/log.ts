import type { EventName, ProcguardEvents } from './events.js';
import { type Level, type Logger, writeLog } from './logger.js';
import type { EventListener, ListenerOf } from './publisher.js';

type DebugLog = (format: string, ...values: unknown[]) => void;

interface Line {
  readonly level: Level;
  readonly fields: object;
  readonly message: string;
}

type Lines = { readonly [Name in EventName]?: (event: ProcguardEvents[Name]) => Line };

const ordinaryEnds: ReadonlySet<string> = new Set(['left', 'killed']);

/** What a log has a line for. Pings and requests are too many. */
const lines: Lines = {
  'procguard:worker:start': ({ pool, worker, pid, slot, reason, guard }) => ({
    level: 'debug',
    fields: { pool, worker, pid, slot, reason, link: guard?.link, tree: guard?.tree },
    message: pid === undefined ? 'worker could not be started' : 'worker started',
  }),
  'procguard:worker:ready': ({ pool, worker, pid, slot, reason, startMs }) => ({
    level: 'info',
    fields: { pool, worker, pid, slot, reason, startMs },
    message: 'worker ready',
  }),
  'procguard:worker:exit': ({ at: _at, message, ...fields }) => ({
    level: ordinaryEnds.has(fields.reason) && fields.survivors.length === 0 ? 'info' : 'warn',
    fields,
    message: `worker ended: ${message}`,
  }),
  'procguard:worker:unhealthy': ({ at: _at, ...fields }) => ({
    level: 'warn',
    fields,
    message: `worker ${fields.verdict}`,
  }),
  'procguard:worker:replace': ({ at: _at, ...fields }) => ({
    level: 'info',
    fields,
    message: 'worker is replaced',
  }),
  'procguard:cleanup:failed': ({ at: _at, ...fields }) => ({
    level: 'error',
    fields: { ...fields, reason: 'cleanup_failed' },
    message: 'the cleanup after a worker failed',
  }),
  'procguard:alert': ({ at: _at, severity, message, ...fields }) => ({
    level: severity === 'critical' ? 'error' : 'warn',
    fields: { ...fields, ...processOf(fields.evidence), severity, reason: fields.code },
    message,
  }),
};

/** Of an alert that is about a worker. */
function processOf({ worker, pid }: ProcguardEvents['procguard:alert']['evidence']): object {
  return worker === undefined ? {} : { worker, pid };
}

/** Undefined without `NODE_DEBUG=procguard`. */
export function debugListener<Name extends EventName>(name: Name): EventListener<Name> | undefined {
  const debug = debugLog();
  return debug && ((event) => debug('%s %s %j', event.at.toISOString(), name, briefly(event)));
}

/** Who hears of the events of a pool to write them down: its logger, and, with `NODE_DEBUG=procguard`, stderr. */
export function logListeners(logger: Logger | undefined): ListenerOf {
  return <Name extends EventName>(name: Name) => {
    const ofLogger = logger && loggerListener(name, logger);
    const debug = debugListener(name);
    if (debug === undefined) return ofLogger;
    return (event: ProcguardEvents[Name]) => {
      debug(event);
      ofLogger?.(event);
    };
  };
}

function debugLog(): DebugLog | undefined {
  if (process.env.NODE_DEBUG === undefined) return undefined;
  // Not imported: in Node 22 that touches process.stderr, which makes it non-blocking.
  const debug = process.getBuiltinModule('node:util').debuglog('procguard');
  return debug.enabled ? debug : undefined;
}

function loggerListener<Name extends EventName>(name: Name, logger: Logger): EventListener<Name> | undefined {
  const lineOf = lines[name] as ((event: ProcguardEvents[Name]) => Line) | undefined;
  if (lineOf === undefined) return undefined;
  return (event) => {
    const { level, fields, message } = lineOf(event);
    writeLog(logger, level, fields, message);
  };
}

/** Without the options, which are the same in each start of a pool, and with errors as text. */
function briefly(event: object): object {
  const { at: _at, configuration: _configuration, error, ...fields } = event as Record<string, unknown>;
  return error === undefined ? fields : { ...fields, error: String(error) };
}
