import { type Compiled, compiled, type Diagnostic, notCompiled } from '../kernel/index.ts';
import { TARGET_TYPES, type TargetType } from '../protocol/plain/index.ts';
import { didYouMean } from '../schema/index.ts';
import { ENGINES, type Span, type TargetExpression } from './expression.ts';
import { parseIpTarget } from './network.ts';
import { compilePythonPattern, PatternError } from './python-pattern.ts';

/** How a target is to be read, where it is not the default. */
export interface ParseTargetOptions {
  /** Separates keys in grain and pillar targets; `:` by default. Compound targets name their own: `G|@a|b`. */
  readonly delimiter?: string;
}

/**
 * Parses a target of a given type. Whatever is wrong, an empty target included, is an error with its column; nothing
 * is ever a silent non-match. A list stands for ids (type list) or for the words of a compound target.
 */
export function parseTarget(
  expression: string | readonly string[],
  type: string = 'glob',
  options: ParseTargetOptions = {},
): Compiled<TargetExpression> {
  const text = typeof expression === 'string' ? expression : expression.join(type === 'list' ? ',' : ' ');
  try {
    const words = typeof expression === 'string' ? undefined : spansOf(expression, text);
    const target = parseType(text, type, options.delimiter ?? ':', words);
    return compiled(target, target.kind === 'list' ? paddedIds(target.ids, text) : []);
  } catch (error) {
    if (!(error instanceof TargetSyntaxError)) throw error;
    return notCompiled([error.toDiagnostic(text)]);
  }
}

/** True for a name of `TARGET_TYPES`. */
export function isTargetType(name: string): name is TargetType {
  return (TARGET_TYPES as readonly string[]).includes(name);
}

class TargetSyntaxError extends Error {
  readonly at: Span;
  readonly detail: string;

  constructor(summary: string, at: Span, detail = '') {
    super(summary);
    this.at = at;
    this.detail = detail;
  }

  toDiagnostic(text: string): Diagnostic {
    const source = {
      file: 'target',
      line: 1,
      column: this.at.start + 1,
      endColumn: Math.max(this.at.end, this.at.start + 1) + 1,
      text,
    };
    return { severity: 'error', code: 'EDGE_TARGET_SYNTAX', summary: this.message, detail: this.detail, source };
  }
}

interface Word {
  readonly text: string;
  readonly at: Span;
}

function spansOf(words: readonly string[], text: string): readonly Word[] {
  let from = 0;
  return words.map((word) => {
    const start = text.indexOf(word, from);
    from = start + word.length;
    return { text: word, at: { start, end: from } };
  });
}

function parseType(
  text: string,
  type: string,
  delimiter: string,
  words: readonly Word[] | undefined,
): TargetExpression {
  const whole = { start: 0, end: text.length };
  if (!isTargetType(type)) {
    const help = didYouMean(type, TARGET_TYPES) || `types: ${TARGET_TYPES.join(', ')}`;
    throw new TargetSyntaxError(`unknown target type \`${type}\``, whole, help);
  }
  if (text.trim() === '') throw new TargetSyntaxError('the target is empty', whole, "'*' targets every host");
  if (type === 'compound') return new CompoundParser(words ?? splitWords(text), whole).parse();
  return parseSimple(text, type, delimiter, whole);
}

function splitWords(text: string): readonly Word[] {
  return [...text.matchAll(/\S+/g)].map((match) => ({
    text: match[0],
    at: { start: match.index, end: match.index + match[0].length },
  }));
}

/** Parses what any type but compound says; `at` is where `text` stands. */
function parseSimple(
  text: string,
  type: Exclude<TargetType, 'compound'>,
  delimiter: string,
  at: Span,
): TargetExpression {
  if (text === '') throw new TargetSyntaxError(`a ${type} target needs something after the @`, at);
  switch (type) {
    case 'glob':
      return { kind: 'glob', pattern: text, at };
    case 'pcre':
      checkPattern(text, at.end - text.length);
      return { kind: 'pcre', pattern: text, at };
    case 'list':
      return parseList(text, at);
    case 'ipcidr': {
      const network = parseIpTarget(text);
      if (typeof network === 'string') throw new TargetSyntaxError(network, at, 'for example 10.1.2.3 or 10.1.0.0/16');
      return { kind: 'ipcidr', network: text, at };
    }
    case 'nodegroup':
      return { kind: 'nodegroup', name: text, at };
    case 'range':
      return { kind: 'range', range: text, at };
    default:
      return parseData(text, type, delimiter, at);
  }
}

function parseList(text: string, at: Span): TargetExpression {
  const ids = text.split(',').filter((id) => id.trim() !== '');
  if (ids.length === 0) throw new TargetSyntaxError('the list of ids is empty', at, 'ids are separated by commas');
  return { kind: 'list', ids, at };
}

/** Salt compares ids of a list as they stand, blanks included; that is kept, but not kept quiet. */
function paddedIds(ids: readonly string[], text: string): readonly Diagnostic[] {
  return ids
    .filter((id) => id !== id.trim())
    .map((id) => {
      const column = text.indexOf(id) + 1;
      const source = { file: 'target', line: 1, column, endColumn: column + id.length, text };
      const summary = `the id \`${id}\` has blanks around it and matches no host`;
      return {
        severity: 'warning',
        code: 'EDGE_TARGET_SYNTAX',
        summary,
        detail: 'leave out blanks after commas',
        source,
      };
    });
}

function parseData(
  path: string,
  kind: 'grain' | 'grain_pcre' | 'pillar' | 'pillar_pcre' | 'pillar_exact',
  delimiter: string,
  at: Span,
): TargetExpression {
  if (delimiter === '') throw new TargetSyntaxError('the delimiter is empty', at);
  const where = kind.startsWith('grain') ? 'grain' : 'pillar';
  if (!path.includes(delimiter)) {
    const detail = `write \`${path}${delimiter}*\` for hosts that have the ${where} at all`;
    throw new TargetSyntaxError(`a ${where} target is key${delimiter}value; \`${path}\` has no value`, at, detail);
  }
  if (kind.endsWith('_pcre')) {
    const offset = at.end - path.length;
    let valueStart = -1;
    let problem: TargetSyntaxError | undefined;
    // Matching tries every split of key and value, so one readable split is enough.
    for (let cut = path.indexOf(delimiter); cut >= 0; cut = path.indexOf(delimiter, cut + delimiter.length)) {
      valueStart = cut + delimiter.length;
      try {
        checkPattern(path.slice(valueStart), offset + valueStart);
        return { kind, path, delimiter, at };
      } catch (error) {
        if (!(error instanceof TargetSyntaxError)) throw error;
        problem ??= error;
      }
    }
    if (problem) throw problem;
  }
  return { kind, path, delimiter, at };
}

function checkPattern(pattern: string, offset: number): void {
  try {
    compilePythonPattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const start = offset + error.index;
    throw new TargetSyntaxError(error.message, { start, end: start }, error.hint ?? '');
  }
}

/** `or` binds looser than `and`, `and` looser than `not`; `a not b` is `a and not b`, as in Salt. */
class CompoundParser {
  readonly #words: readonly Word[];
  readonly #whole: Span;
  #at = 0;

  constructor(words: readonly Word[], whole: Span) {
    this.#words = words;
    this.#whole = whole;
  }

  parse(): TargetExpression {
    const target = this.#or();
    const extra = this.#peek();
    if (extra?.text === ')') throw new TargetSyntaxError('`)` without a `(`', extra.at, parenthesesHelp);
    if (extra) throw new TargetSyntaxError(`\`and\` or \`or\` is missing before \`${extra.text}\``, extra.at);
    return target;
  }

  #or(): TargetExpression {
    return this.#chain('or', () => this.#and());
  }

  #and(): TargetExpression {
    return this.#chain('and', () => this.#not());
  }

  #chain(operator: 'and' | 'or', operand: () => TargetExpression): TargetExpression {
    const operands = [operand()];
    for (;;) {
      const word = this.#peek()?.text;
      if (word === operator) this.#at += 1;
      else if (!(operator === 'and' && word === 'not')) break;
      operands.push(operand());
    }
    if (operands.length === 1) return operands[0]!;
    return { kind: operator, operands, at: { start: operands[0]!.at.start, end: operands.at(-1)!.at.end } };
  }

  #not(): TargetExpression {
    const word = this.#peek();
    if (word?.text !== 'not') return this.#primary();
    this.#at += 1;
    const next = this.#peek();
    if (next?.text === 'not') throw new TargetSyntaxError('`not not` is no target', next.at, 'leave both out');
    const operand = this.#primary();
    return { kind: 'not', operand, at: { start: word.at.start, end: operand.at.end } };
  }

  #primary(): TargetExpression {
    const word = this.#peek();
    if (word === undefined) {
      const last = this.#words.at(-1);
      const at = last?.at ?? this.#whole;
      throw new TargetSyntaxError(`a target is missing after \`${last?.text ?? ''}\``, at);
    }
    this.#at += 1;
    if (word.text === '(') return this.#group(word);
    if (word.text === ')' || word.text === 'and' || word.text === 'or') {
      throw new TargetSyntaxError(`a target is missing before \`${word.text}\``, word.at);
    }
    return parseWord(word);
  }

  #group(open: Word): TargetExpression {
    const inner = this.#or();
    const close = this.#peek();
    if (close === undefined) throw new TargetSyntaxError('`(` is never closed', open.at, parenthesesHelp);
    if (close.text !== ')')
      throw new TargetSyntaxError(`\`and\` or \`or\` is missing before \`${close.text}\``, close.at);
    this.#at += 1;
    return inner;
  }

  #peek(): Word | undefined {
    return this.#words[this.#at];
  }
}

const parenthesesHelp = 'parentheses stand alone, with spaces around them: ( a or b ) and c';

function parseWord({ text, at }: Word): TargetExpression {
  const engine = /^([A-Z])(.?)@(.*)$/su.exec(text);
  if (engine) {
    const [, letter = '', delimiter = '', rest = ''] = engine;
    const type = ENGINES[letter];
    if (type === undefined) {
      const known = Object.keys(ENGINES).map((key) => `${key}@`);
      throw new TargetSyntaxError(`no matcher has the letter \`${letter}\``, at, `matchers: ${known.join(' ')}`);
    }
    if (delimiter !== '' && !takesDelimiter(type)) {
      throw new TargetSyntaxError(`\`${letter}@\` takes no delimiter`, at, 'only G P I J take one: G|@os|Debian');
    }
    return parseSimple(rest, type, delimiter || ':', at);
  }
  const longDelimiter = /^([GPIJ])(\W{2,}?)@/u.exec(text);
  if (longDelimiter) {
    const detail = `write \`${longDelimiter[1]}${longDelimiter[2]!.at(-1)}@…\``;
    throw new TargetSyntaxError('a delimiter is one character', at, detail);
  }
  if (/^\(|\)$/.test(text)) throw new TargetSyntaxError(`a parenthesis is glued to \`${text}\``, at, parenthesesHelp);
  if (/^(?:and|or|not)$/i.test(text)) {
    throw new TargetSyntaxError(`operators are in lower case: \`${text.toLowerCase()}\``, at);
  }
  if (text.includes(','))
    throw new TargetSyntaxError('a list of ids in a compound target begins with L@', at, `L@${text}`);
  return { kind: 'glob', pattern: text, at };
}

function takesDelimiter(type: TargetType): boolean {
  return type.startsWith('grain') || type.startsWith('pillar');
}
