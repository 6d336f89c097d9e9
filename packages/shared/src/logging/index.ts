export { createLateLogger } from './late-logger.ts';
export { createLogger, type LogLevel } from './pino-logger.ts';
