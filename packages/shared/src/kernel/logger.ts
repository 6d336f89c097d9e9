import type { JsonObject } from './errors.ts';

/** Structured log lines; the driver (pino in the daemons) is chosen in each `compose`. */
export interface Logger {
  debug(message: string, fields?: JsonObject): void;
  info(message: string, fields?: JsonObject): void;
  warn(message: string, fields?: JsonObject): void;
  error(message: string, fields?: JsonObject): void;
  /** A logger whose lines all carry `fields`. */
  child(fields: JsonObject): Logger;
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
