import type { JsonObject, Logger } from '@edge-run/shared/kernel';
import { pino } from 'pino';

type PinoLogger = ReturnType<typeof pino>;

/** Log lines as JSON on stderr; stdout belongs to what commands print. */
export function createLogger(level: 'debug' | 'info' | 'warn' | 'error'): Logger {
  return wrap(
    pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true })),
  );
}

function wrap(logger: PinoLogger): Logger {
  const line =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
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
