import { type Compiled, compiled, type Diagnostic, EdgeError, notCompiled } from '../kernel/index.ts';
import type { TargetExpression } from './expression.ts';
import { compileMatcher, type TargetContext, type TargetSubject } from './match.ts';
import { type ParseTargetOptions, parseTarget } from './parse.ts';

/** The hosts of a target. */
export interface Selection<S extends TargetSubject> {
  /** In the order of the candidates. */
  readonly matched: readonly S[];
  /** Ids named outright (list targets, outside of `not`) that no candidate has. */
  readonly missing: readonly string[];
}

/** Changes a target after it was parsed; nodegroups it names are not part of it. */
export interface RewriteTarget {
  readonly rewrite?: (target: TargetExpression) => TargetExpression;
}

/** The same target with pillars compared to whole values instead of patterns. */
export function exactPillars(target: TargetExpression): TargetExpression {
  switch (target.kind) {
    case 'pillar':
    case 'pillar_pcre':
      return { ...target, kind: 'pillar_exact' };
    case 'and':
    case 'or':
      return { ...target, operands: target.operands.map(exactPillars) };
    case 'not':
      return { ...target, operand: exactPillars(target.operand) };
    default:
      return target;
  }
}

/** Parses a target and picks the candidates that match. An error in the target selects nothing and says why. */
export function selectTargets<S extends TargetSubject>(
  expression: string | readonly string[],
  type: string,
  candidates: Iterable<S>,
  context: TargetContext & ParseTargetOptions & RewriteTarget = {},
): Compiled<Selection<S>> {
  const parsed = parseTarget(expression, type, context);
  if (parsed.value === undefined) return notCompiled(parsed.diagnostics);
  const hosts = [...candidates];
  try {
    const target = context.rewrite?.(parsed.value) ?? parsed.value;
    const matched = hosts.filter(compileMatcher(target, context));
    const known = new Set(hosts.map(({ id }) => id));
    const missing = namedIds(parsed.value).filter((id) => !known.has(id));
    return compiled({ matched, missing: [...new Set(missing)] }, parsed.diagnostics);
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    return notCompiled([targetDiagnostic(error, expression)]);
  }
}

/** The diagnostic of an error that matching threw, at the expression it belongs to. */
function targetDiagnostic(error: EdgeError, expression: string | readonly string[]): Diagnostic {
  const text = typeof expression === 'string' ? expression : expression.join(' ');
  const source = { file: 'target', line: 1, column: 1, endColumn: text.length + 1, text };
  return { severity: 'error', code: error.code, summary: error.message, detail: error.hint ?? '', source };
}

function namedIds(target: TargetExpression): readonly string[] {
  switch (target.kind) {
    case 'list':
      return target.ids;
    case 'and':
    case 'or':
      return target.operands.flatMap(namedIds);
    default:
      return [];
  }
}
