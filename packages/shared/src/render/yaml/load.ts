import { type Compiled, compiled, type Diagnostic, DiagnosticsError, notCompiled } from '../../kernel/index.ts';
import { PyFloat, PyMap, PySet, type Value } from '../../values/index.ts';
import type { RenderedData } from '../contract.ts';
import { type LoadOptions, placeFinder, TextPlaces } from '../places.ts';
import { compose } from './compose.ts';
import { Constructor, type ConstructProblem } from './construct.ts';
import { syntaxHint } from './hints.ts';
import { YamlSyntaxError } from './tokens.ts';
import { YamlexConstructor } from './yamlex.ts';

const MOST_SYNTAX_PROBLEMS = 10;
const NOT_ALLOWED = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Loads the text of an SLS file or pillar as Salt 3006's yaml renderer does, with the places of its parts; a text that
 * says nothing (empty, `null`, `[]`, `0`) is an empty mapping.
 */
export function loadSls(text: string, options: LoadOptions): Compiled<RenderedData> {
  return loadData(text, options, new Constructor());
}

/** Loads the text of a `#!yamlex` file: {@link loadSls} with `!aggregate` and `!reset`. */
export function loadYamlex(text: string, options: LoadOptions): Compiled<RenderedData> {
  return loadData(text, options, new YamlexConstructor());
}

function loadData(text: string, options: LoadOptions, builder: Constructor): Compiled<RenderedData> {
  const result = read(text, options, builder);
  if (result.value === undefined) return notCompiled(result.diagnostics);
  const value = isTruthy(result.value) ? result.value : new PyMap();
  const places = new TextPlaces(text, options.path, options.origin);
  return compiled({ value, placeOf: placeFinder(builder.places, places) }, result.diagnostics);
}

/**
 * Loads one document as Salt's `safe_load` does: for command lines, configuration and filters. Nothing is null.
 *
 * @throws DiagnosticsError naming every problem; `path` is how it names the text.
 */
export function loadYaml(text: string, path = 'yaml'): Value {
  const result = read(text, { path }, new Constructor());
  if (result.value === undefined) throw new DiagnosticsError(result.diagnostics);
  return result.value;
}

function read(text: string, options: LoadOptions, builder: Constructor): Compiled<Value> {
  const places = new TextPlaces(text, options.path, options.origin);
  const control = NOT_ALLOWED.exec(text);
  if (control) return notCompiled([controlCharacter(control[0], places, control.index)]);
  try {
    return compiled(
      builder.document(compose(text)),
      builder.problems.map((problem) => constructDiagnostic(problem, places)),
    );
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    return notCompiled(syntaxProblems(text, error, places).map((problem) => syntaxDiagnostic(problem, places)));
  }
}

/**
 * The first error and those found by reading on at later top-level keys. Reading on begins at a line that can hardly be
 * anything but a key, so that one mistake is not reported as many.
 */
function syntaxProblems(text: string, first: YamlSyntaxError, places: TextPlaces): YamlSyntaxError[] {
  const problems = [first];
  let error: YamlSyntaxError | undefined = first;
  while (error && problems.length < MOST_SYNTAX_PROBLEMS) {
    const from = restartLine(error, places);
    if (from === undefined) break;
    const start = places.lineStart(from);
    error = syntaxErrorOf(text.slice(start), start);
    if (error && !/nothing above is named|not declared/.test(error.message)) problems.push(error);
  }
  return problems;
}

function restartLine(error: YamlSyntaxError, places: TextPlaces): number | undefined {
  const inFlow = /brackets|braces|quoted/.test(error.context?.what ?? '');
  const key = inFlow ? /^[\w./-]+:\s*$/ : /^[\w./'"-][^{}[\]]*:(?:\s|$)/;
  const from = Math.min(error.offset, inFlow ? error.context!.offset : error.offset);
  for (let line = places.lineAt(from) + 1; line <= places.lineCount; line += 1) {
    if (key.test(places.lineText(line))) return line;
  }
  return undefined;
}

function syntaxErrorOf(text: string, shift: number): YamlSyntaxError | undefined {
  try {
    compose(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    const { context } = error;
    const shifted = context && { what: context.what, offset: context.offset + shift };
    return new YamlSyntaxError(error.message, error.offset + shift, shifted);
  }
}

function syntaxDiagnostic(error: YamlSyntaxError, places: TextPlaces): Diagnostic {
  const rendered = places.rendered(error.offset);
  const { context } = error;
  const begun = context && places.lineAt(context.offset) < rendered.line ? places.authored(context.offset) : undefined;
  const summary = begun ? `${error.message} (${context!.what} began on line ${begun.line})` : error.message;
  return {
    severity: 'error',
    code: 'EDGE_YAML_SYNTAX',
    summary,
    detail: syntaxHint({
      problem: `${error.message} ${context?.what ?? ''}`,
      line: places.lineText(rendered.line),
      column: error.offset - places.lineStart(rendered.line) + 1,
      above: lineAbove(rendered.line, places),
    }),
    ...places.forDiagnostic(error.offset),
  };
}

/** The last line above that says something. */
function lineAbove(line: number, places: TextPlaces): string {
  for (let above = line - 1; above > 0; above -= 1) {
    const text = places.lineText(above);
    if (/^\s*[^\s#]/.test(text)) return text;
  }
  return '';
}

const CONSTRUCT_HINTS: Readonly<Record<ConstructProblem['kind'], string>> = {
  'duplicate-key': 'Give each key once: merge the two, or rename one.',
  'unhashable-key': "A value that begins with '{' or '[' must be quoted; '{{' here is Jinja that was not rendered.",
  'unknown-tag': "Quote the value, or remove the word that begins with '!'.",
  'wrong-kind': 'Remove the tag, or give it the kind of value it stands for.',
  'bad-scalar': 'Remove the tag, or correct the value.',
  'bad-merge': "Write '<<: *name' where &name marks a mapping.",
};

function constructDiagnostic(problem: ConstructProblem, places: TextPlaces): Diagnostic {
  const { kind, node, other, summary } = problem;
  const place = places.forDiagnostic(node.start, node.end);
  const before = other && places.forDiagnostic(other.start, other.end);
  const first = before?.source;
  const chain = [
    ...(place.chain ?? []),
    ...(first ? [{ ...first, role: 'other' as const }] : []),
    ...(before?.chain ?? []),
  ];
  return {
    severity: 'error',
    code: kind === 'duplicate-key' ? 'EDGE_YAML_DUPLICATE_KEY' : 'EDGE_YAML_VALUE',
    summary: first ? `${summary}, first on line ${first.line}` : summary,
    detail: CONSTRUCT_HINTS[kind],
    source: place.source,
    ...(chain.length > 0 ? { chain } : {}),
  };
}

function controlCharacter(char: string, places: TextPlaces, offset: number): Diagnostic {
  const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return {
    severity: 'error',
    code: 'EDGE_YAML_SYNTAX',
    summary: `the character U+${code} may not stand in YAML`,
    detail: `Write it as an escape inside double quotes: "\\u${code}".`,
    ...places.forDiagnostic(offset),
  };
}

/** Python's notion of what counts as something. */
function isTruthy(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof PyMap || value instanceof PySet) return value.size > 0;
  if (value instanceof PyFloat) return value.value !== 0;
  if (value instanceof Uint8Array) return value.length > 0;
  return Boolean(value);
}
