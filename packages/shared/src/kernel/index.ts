export { type Clock, cancelled, deadline, type InstantMs, systemClock } from './clock.ts';
export {
  type Compiled,
  compiled,
  type Diagnostic,
  DiagnosticsError,
  formatDiagnostic,
  formatPlace,
  hasErrors,
  notCompiled,
  requireCompiled,
  type SourceRange,
} from './diagnostics.ts';
export { formatDuration, parseDuration } from './duration.ts';
export { ERROR_CODES, type ErrorCode } from './error-codes.ts';
export {
  EdgeError,
  type EdgeErrorOptions,
  type ErrorRecord,
  errorMessage,
  fromErrorRecord,
  type JsonObject,
  type JsonValue,
  toErrorRecord,
} from './errors.ts';
export { newId } from './ids.ts';
export { type Logger, silentLogger } from './logger.ts';
export { mapBounded } from './map-bounded.ts';
export { Secret, type SecretType } from './secret.ts';
export { Slots } from './slots.ts';
export { EDGE_VERSION } from './version.ts';
