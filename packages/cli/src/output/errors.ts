import {
  type Diagnostic,
  DiagnosticsError,
  EdgeError,
  type ErrorRecord,
  formatDiagnostic,
  toErrorRecord,
} from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { type Style, sanitize } from './style.ts';

/** Exit codes of errors by their code; everything else means that nothing was started. */
const EXIT_BY_CODE: Readonly<Record<string, ExitCode>> = {
  EDGE_BUS_TIMEOUT: EXIT.timedOut,
  EDGE_CANCELLED: EXIT.interrupted,
  EDGE_DEADLINE: EXIT.timedOut,
  EDGE_INTERNAL: EXIT.failed,
  EDGE_NOT_ALLOWED: EXIT.notAllowed,
  EDGE_PLAN_STALE: EXIT.stalePlan,
};

/** The exit code an error ends a command with. */
export function exitCodeOf(error: unknown): ExitCode {
  return EXIT_BY_CODE[toErrorRecord(error).code] ?? EXIT.notStarted;
}

/** The problems in user input an error carries, also one that came over the bus. */
function diagnosticsOf(error: unknown): readonly Diagnostic[] {
  if (error instanceof DiagnosticsError) return error.diagnostics;
  if (!(error instanceof EdgeError)) return [];
  const { diagnostics } = error.details;
  return Array.isArray(diagnostics) ? (diagnostics as unknown as Diagnostic[]) : [];
}

/** The error for a person: code, message or diagnostics, help; it always ends with what to type next. */
export function renderError(error: unknown, style: Style, next: string): string {
  const diagnostics = diagnosticsOf(error);
  if (diagnostics.length > 0) return `${renderDiagnostics(diagnostics, style)}  next: ${next}\n`;
  const { code, message, hint } = toErrorRecord(error);
  const lines = [`${style.red(`error[${code}]`)}: ${sanitize(message)}`];
  if (hint !== undefined) lines.push(`  ${style.cyan('help')}: ${sanitize(hint)}`);
  if (hint === undefined || !/edge-(run|master|minion)/.test(hint)) lines.push(`  next: ${next}`);
  return `${lines.join('\n')}\n`;
}

/** The error for a program: the same fields. */
export function errorJson(
  error: unknown,
  next: string,
): {
  readonly error: ErrorRecord & { readonly diagnostics?: readonly Diagnostic[] };
} {
  const diagnostics = diagnosticsOf(error);
  const { details, hint = `Look at: ${next}`, ...record } = toErrorRecord(error);
  const { diagnostics: _told, ...rest } = details;
  return { error: { ...record, hint, details: rest, ...(diagnostics.length > 0 ? { diagnostics } : {}) } };
}

/** Problems in user input with their places, coloured, and a line that counts them. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], style: Style): string {
  const blocks = diagnosticBlocks(diagnostics, style);
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
  return `${blocks.join('\n')}\n${countOf(errors, 'error')}, ${countOf(diagnostics.length - errors, 'warning')}\n`;
}

/** Each problem with its place, coloured. */
export function diagnosticBlocks(diagnostics: readonly Diagnostic[], style: Style): readonly string[] {
  return diagnostics.map((diagnostic) => {
    const [title = '', ...lines] = formatDiagnostic(diagnostic).split('\n');
    const paint = diagnostic.severity === 'error' ? style.red : style.yellow;
    return [paint(sanitize(title)), ...lines.map((line) => colourLine(sanitize(line), style))].join('\n');
  });
}

function colourLine(line: string, style: Style): string {
  if (/^\s*(?:-->|:::)/.test(line)) return style.cyan(line);
  if (/^\s*= help:/.test(line)) return line.replace('= help:', `= ${style.cyan('help')}:`);
  return /^\s*\|\s*\^+$/.test(line) ? style.yellow(line) : line;
}

/** `1 error`, `2 errors`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
