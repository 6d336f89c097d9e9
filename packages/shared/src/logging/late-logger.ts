import type { JsonObject, Logger } from '../kernel/index.ts';
import type { LogLevel } from './pino-logger.ts';

/** From the least to the most important. */
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * As `createLogger`, for programs that end soon and hardly ever log: what writes lines is loaded when there is one. Lines
 * come in their order, those of a process that is killed may be lost.
 */
export function createLateLogger(level: LogLevel): Logger {
  const waiting: ((logger: Logger) => void)[] = [];
  let logger: Logger | undefined;
  const write = (line: (logger: Logger) => void): void => {
    if (logger !== undefined) {
      line(logger);
      return;
    }
    if (waiting.push(line) > 1) return;
    void import('./pino-logger.ts').then(({ createLogger }) => {
      logger = createLogger(level);
      for (const early of waiting.splice(0)) early(logger);
    });
  };
  return late(LEVELS.indexOf(level), write, {});
}

function late(least: number, write: (line: (logger: Logger) => void) => void, own: JsonObject): Logger {
  const line =
    (level: LogLevel) =>
    (message: string, fields: JsonObject = {}): void => {
      if (LEVELS.indexOf(level) >= least) write((logger) => logger[level](message, { ...own, ...fields }));
    };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => late(least, write, { ...own, ...fields }),
  };
}
