import type { Diagnostic, SourceRange } from '../kernel/index.ts';

/** A problem of a roster. */
export function problem(
  severity: Diagnostic['severity'],
  summary: string,
  detail: string,
  source?: SourceRange,
): Diagnostic {
  return { severity, code: 'EDGE_CONFIG_INVALID', summary, detail, ...(source === undefined ? {} : { source }) };
}
