export { createLogger, type LogLevel } from './pino-logger.ts';
