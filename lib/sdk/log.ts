import { encodeLine } from '../wire/lines.js';
import type { LogLevel, Log as LogMessage } from '../wire/messages.js';

type Fields = Readonly<Record<string, unknown>>;
export type Log = { readonly [Level in LogLevel]: (message: string, fields?: Fields) => void };

// A line holds 64 KiB, and a character takes up to 6 bytes there.
const longestMessage = 10_000;
const maxWaiting = 1000;

let waiting: string[] = [];
let send = (line: string): void => {
  // The handshake comes first.
  if (waiting.length < maxWaiting) waiting.push(line);
};

/**
 * Lines for the pool's log. They never throw: a message that is too long is cut, and fields that can't be sent are
 * replaced by the reason. Lines before `serve` are sent with it.
 *
 * @example
 * log.info('loaded', { ms: 120 })
 */
export const log: Log = {
  debug: (message, fields) => write('debug', message, fields),
  info: (message, fields) => write('info', message, fields),
  warn: (message, fields) => write('warn', message, fields),
  error: (message, fields) => write('error', message, fields),
};

export function sendLogsTo(sender: (line: string) => void): void {
  send = sender;
  for (const line of waiting) send(line);
  waiting = [];
}

function write(level: LogLevel, message: string, fields: Fields | undefined): void {
  const short = String(message).slice(0, longestMessage);
  const entry: LogMessage = { type: 'log', level, message: short };
  send(fields === undefined ? encodeLine(entry) : withFields(entry, fields));
}

function withFields(entry: LogMessage, fields: Fields): string {
  try {
    return encodeLine({ ...entry, fields });
  } catch (error) {
    const reason = String((error as Error)?.message).slice(0, 1000);
    return encodeLine({ ...entry, fields: { unsent: reason } });
  }
}
