import type { ErrorCode } from './error-codes.ts';

/** Plain data that survives JSON. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
/** A JSON object; key order is that of insertion except for integer-like keys. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** What helps beside the message: what to do now, and what went wrong underneath. */
export interface EdgeErrorOptions {
  /** One sentence that says what to do next, with the command to type where there is one. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * Every failure Edge reports on purpose. `code` is stable and listed in docs/errors.md; the message says what was
 * tried on what and the value found; `details` carries the same facts as data.
 */
export class EdgeError extends Error {
  readonly code: ErrorCode;
  readonly details: JsonObject;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: JsonObject = {}, options: EdgeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EdgeError';
    this.code = code;
    this.details = details;
    this.hint = options.hint;
  }
}

/** The wire form of an error: what another process needs to show it as if it were its own. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly details: JsonObject;
  readonly hint?: string;
}

/** Turns anything thrown into its wire form; what is not an EdgeError becomes `EDGE_INTERNAL`. */
export function toErrorRecord(error: unknown): ErrorRecord {
  if (error instanceof EdgeError) {
    const { code, message, details, hint } = error;
    return hint === undefined ? { code, message, details } : { code, message, details, hint };
  }
  return { code: 'EDGE_INTERNAL', message: errorMessage(error), details: {} };
}

/** Revives an error that came over the wire. */
export function fromErrorRecord(record: ErrorRecord): EdgeError {
  const options = record.hint === undefined ? {} : { hint: record.hint };
  return new EdgeError(record.code as ErrorCode, record.message, record.details, options);
}

/** The text of anything thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
