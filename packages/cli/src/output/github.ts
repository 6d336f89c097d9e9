import type { Diagnostic } from '@edge-run/shared/kernel';

/** Diagnostics as workflow commands of GitHub Actions, which shows them beside the lines of a change. */
export function githubAnnotations(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((diagnostic) => `${annotation(diagnostic)}\n`).join('');
}

function annotation({ severity, code, summary, detail, source }: Diagnostic): string {
  const { file, line, column, endColumn } = source ?? {};
  const properties: readonly (readonly [string, string | number | undefined])[] = [
    ['file', file],
    ['line', line],
    ['col', column],
    // GitHub counts the last column in; the end of a place is the first that is not its own.
    ['endColumn', endColumn === undefined ? undefined : endColumn - 1],
    ['title', code],
  ];
  const written = properties.flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${property(String(value))}`],
  );
  return `::${severity} ${written.join(',')}::${message(detail === '' ? summary : `${summary}\n${detail}`)}`;
}

function message(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return message(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
