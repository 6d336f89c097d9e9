import { pino } from 'pino';
import type { JsonObject, Logger } from '../kernel/index.ts';

/** Least level that is logged. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

type PinoLogger = ReturnType<typeof pino>;

/** Log lines as JSON on stderr; stdout belongs to what commands print. */
export function createLogger(level: LogLevel): Logger {
  return wrap(
    pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true })),
  );
}

function wrap(logger: PinoLogger): Logger {
  const line =
    (level: LogLevel) =>
    (message: string, fields: JsonObject = {}): void =>
      logger[level](fields, message);
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => wrap(logger.child(fields)),
  };
}
