import type { Diagnostic, ErrorCode, SourceRange } from '../../kernel/index.ts';
import { type Frame, LimitFault, type PyFault } from './runtime/fault.ts';
import { UndefinedFault } from './runtime/types.ts';
import { nearest } from './suggest.ts';
import type { TemplateSyntaxFaults } from './template.ts';

/** The diagnostics of a text that does not parse; `trail` is how the file came to be read, innermost first. */
export function syntaxDiagnostics(
  { faults, template }: TemplateSyntaxFaults,
  trail: readonly Frame[],
  known: (kind: string) => Iterable<string>,
): Diagnostic[] {
  return faults.map((fault) => {
    const unknown = /^(filter|test):(.*)$/.exec(fault.hint);
    const { line } = fault.position;
    const text = template.lines[line - 1];
    // The place of a test is that of its `is`.
    const named = unknown === null ? -1 : (text?.indexOf(unknown[2]!, fault.position.column - 1) ?? -1);
    const column = named === -1 ? fault.position.column : named + 1;
    return {
      severity: 'error',
      code: unknown
        ? 'EDGE_TEMPLATE_UNKNOWN_FILTER'
        : fault.kind === 'assertion'
          ? 'EDGE_TEMPLATE_RUNTIME'
          : 'EDGE_TEMPLATE_SYNTAX',
      summary: fault.message,
      detail: unknown ? didYouMean(unknown[2]!, known(unknown[1]!)) : fault.hint,
      source: rangeOf({ path: template.path, line, column, text }),
      ...(trail.length > 0 ? { chain: trail.map(rangeOf) } : {}),
    };
  });
}

/** The diagnostic of a fault while rendering. */
export function faultDiagnostic(fault: PyFault, path: string): Diagnostic {
  const [first, ...rest] = fault.trail;
  return {
    severity: 'error',
    code: codeOf(fault),
    summary: summaryOf(fault),
    detail: detailOf(fault),
    source: first ? rangeOf(first) : { file: path, line: 1 },
    ...(rest.length > 0 ? { chain: rest.map(rangeOf) } : {}),
  };
}

function detailOf(fault: PyFault): string {
  if (fault.hint !== '') return fault.hint;
  const suggestion = fault instanceof UndefinedFault ? suggestionFor(fault) : '';
  return suggestion === '' && NO_FUNCTION.test(fault.message)
    ? 'sys.list_functions answers what there is; Edge runs no Python, so neither what is in _modules'
    : suggestion;
}

/** What Python says of `salt['x.y']` names classes of Salt. */
const NO_FUNCTION = /^'salt\.utils\.templates\.Aliased(Loader|Module) object' has no attribute '(.*)'$/s;

function summaryOf({ type, message }: PyFault): string {
  if (type === 'TemplateNotFound') return `template not found: ${message}`;
  const called = NO_FUNCTION.exec(message);
  if (!called) return message;
  return `there is no function '${called[2]}'${called[1] === 'Module' ? ' in this module' : ''}`;
}

function codeOf(fault: PyFault): ErrorCode {
  if (fault instanceof LimitFault) return fault.code;
  switch (fault.type) {
    case 'UndefinedError':
      return 'EDGE_UNDEFINED_VARIABLE';
    case 'TemplateNotFound':
    case 'TemplatesNotFound':
      return 'EDGE_TEMPLATE_NOT_FOUND';
    case 'SecurityError':
      return 'EDGE_TEMPLATE_FORBIDDEN';
    case 'RecursionError':
      return 'EDGE_RENDER_LIMIT';
    default:
      return 'EDGE_TEMPLATE_RUNTIME';
  }
}

function suggestionFor(fault: UndefinedFault): string {
  const { name, candidates } = fault.undefined;
  return typeof name === 'string' && candidates ? didYouMean(name, candidates()) : '';
}

function didYouMean(name: string, candidates: Iterable<string>): string {
  const found = nearest(name, candidates);
  return found.length === 0 ? '' : `Did you mean ${found.map((text) => `'${text}'`).join(' or ')}?`;
}

/** The place of a frame, with all of the name that begins there. */
export function rangeOf({ path, line, column, text }: Frame): SourceRange {
  return { file: path, line, column, ...(text === undefined ? {} : { text, ...widthOf(text, column) }) };
}

function widthOf(text: string, column: number): { readonly endColumn?: number } {
  const [name] = /^(?:\.?\s*\w+|\[\s*(['"]).*?\1\s*\])/.exec(text.slice(column - 1)) ?? [];
  return name === undefined ? {} : { endColumn: column + name.length };
}
