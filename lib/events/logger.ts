/** What a pool writes its log to: pino, or anything that takes an object and a message as pino does. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type Level = keyof Logger;

/** What a logger throws must not pass for a fault of what is logged. */
export function writeLog(logger: Logger, level: Level, fields: object, message: string): void {
  try {
    logger[level](fields, message);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
