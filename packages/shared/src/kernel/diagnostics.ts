import type { ErrorCode } from './error-codes.ts';
import { EdgeError, type JsonObject } from './errors.ts';

/** A place in an author's file. Lines and columns count from 1; `column` counts UTF-16 units. */
export interface SourceRange {
  /** Path as the author knows it: relative to its root, such as `web/init.sls`. */
  readonly file: string;
  readonly line: number;
  readonly column?: number;
  readonly endColumn?: number;
  /** The text of that line, for the caret display. */
  readonly text?: string;
  /**
   * What a place in a chain is, where it is not how the file came to be read: the line as it was after its templates
   * ran, or what the diagnosed place is at odds with.
   */
  readonly role?: 'rendered' | 'other';
}

/** One problem in user input. Collect all of them; never stop at the first where the reader can go on. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  /** Short title: what is wrong. */
  readonly summary: string;
  /** What to write instead, or why; may be empty. */
  readonly detail: string;
  readonly source?: SourceRange;
  /** Places with a role first, then how the file came to be read, innermost first: includes, imports. */
  readonly chain?: readonly SourceRange[];
}

/** A result together with everything noticed on the way; `value` is undefined when any error was found. */
export interface Compiled<T> {
  readonly value: T | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Wraps a value that compiled without remarks. */
export function compiled<T>(value: T, diagnostics: readonly Diagnostic[] = []): Compiled<T> {
  return { value: hasErrors(diagnostics) ? undefined : value, diagnostics };
}

/** A failed compilation. */
export function notCompiled<T>(diagnostics: readonly Diagnostic[]): Compiled<T> {
  return { value: undefined, diagnostics };
}

/** True when at least one diagnostic is an error. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === 'error');
}

/** `file:line:column`, as far as known. */
export function formatPlace(source: SourceRange): string {
  return source.column === undefined
    ? `${source.file}:${source.line}`
    : `${source.file}:${source.line}:${source.column}`;
}

/**
 * Lays a diagnostic out for a terminal: severity and code, the place, the line with a caret, the rendered line and other
 * places with theirs, how the file came to be read, the detail. Plain text; the caller colours.
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { source, chain = [] } = diagnostic;
  const shown = chain.filter(({ role }) => role !== undefined);
  const gutter = Math.max(1, ...[source, ...shown].map((place) => String(place?.line ?? '').length));
  const blank = ' '.repeat(gutter);
  const lines = [`${diagnostic.severity}[${diagnostic.code}]: ${diagnostic.summary}`];
  if (source) lines.push(`${blank} --> ${formatPlace(source)}`, ...excerpt(source, gutter));
  for (const place of shown) {
    lines.push(`${blank} ::: ${titleOf(place, source)}`, ...excerpt(place, gutter));
  }
  for (const place of chain) {
    if (place.role !== undefined) continue;
    lines.push(`${blank} from ${formatPlace(place)}${place.text === undefined ? '' : `: ${place.text.trim()}`}`);
  }
  if (diagnostic.detail !== '') lines.push(`${blank} = help: ${diagnostic.detail}`);
  return lines.join('\n');
}

function titleOf(place: SourceRange, source: SourceRange | undefined): string {
  if (place.role !== 'rendered') return `the other one, ${formatPlace(place)}`;
  const file = place.file.replace(/ \(rendered\)$/, '');
  return `${file === source?.file ? '' : `${file} `}rendered, line ${place.line}`;
}

/** The line of a place, and below it the caret. */
function excerpt({ line, column, endColumn, text }: SourceRange, gutter: number): readonly string[] {
  if (text === undefined) return [];
  const shown = [`${String(line).padStart(gutter)} | ${text}`];
  if (column === undefined) return shown;
  const width = Math.max(1, (endColumn ?? column + 1) - column);
  // A tab stays one, so that the caret stands where the terminal puts what is above it.
  const before = text
    .slice(0, column - 1)
    .replace(/[^\t]/g, ' ')
    .padEnd(column - 1);
  return [...shown, `${' '.repeat(gutter)} | ${before}${'^'.repeat(width)}`];
}

/** Several problems in user input thrown as one error, for callers that have no use for a partial result. */
export class DiagnosticsError extends EdgeError {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
    const first = errors[0] ?? diagnostics[0];
    const place = first?.source ? `${formatPlace(first.source)}: ` : '';
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super(
      first?.code ?? 'EDGE_INTERNAL',
      `${place}${first?.summary ?? 'no diagnostics'}${more}`,
      { diagnostics: diagnostics as unknown as JsonObject[] },
      first?.detail ? { hint: first.detail } : {},
    );
    this.diagnostics = diagnostics;
  }
}

/** The value of a compilation. @throws DiagnosticsError when it failed. */
export function requireCompiled<T>(result: Compiled<T>): T {
  if (result.value === undefined) throw new DiagnosticsError(result.diagnostics);
  return result.value;
}
