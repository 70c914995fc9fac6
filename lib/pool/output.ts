import { type Logger, writeLog } from '../events/logger.js';
import type { OutputLine } from '../worker/output.js';

/** Where the lines of workers go unless `onOutput` says otherwise: to the log, or else to stderr. */
export function outputListener(pool: string, logger: Logger | undefined): (line: OutputLine) => void {
  return logger === undefined ? toStderr : (line) => toLogger(pool, logger, line);
}

function toStderr({ source, worker, pid, line, level, fields }: OutputLine): void {
  const tag = source === 'log' ? level : source;
  const more = fields === undefined ? '' : ` ${JSON.stringify(fields)}`;
  process.stderr.write(`[worker ${worker}, pid ${pid}, ${tag}] ${line}${more}\n`);
}

function toLogger(pool: string, logger: Logger, output: OutputLine): void {
  const { source, worker, pid, line, level = 'info', fields } = output;
  writeLog(logger, level, { pool, worker, pid, reason: 'output', source, fields }, line);
}
