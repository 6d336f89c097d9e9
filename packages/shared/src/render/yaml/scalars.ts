import { type Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd } from './cursor.ts';
import { YamlSyntaxError } from './tokens.ts';

/*
 * How the five kinds of scalar are read, after YAML 1.1 chapter 9 as libyaml 0.2.5 (the parser behind PyYAML and Salt)
 * understands it: indentation does not matter inside quotes, tabs may separate but not indent.
 */

/** White space between the parts of a multi-line scalar, folded as YAML folds it. */
class Fold {
  #blanks = '';
  #leadingBreak = '';
  #trailingBreaks = '';
  /** At least one line end was passed since the last text. */
  broken = false;

  clear(): void {
    this.#blanks = '';
    this.#leadingBreak = '';
    this.#trailingBreaks = '';
    this.broken = false;
  }

  blank(char: string): void {
    if (!this.broken) this.#blanks += char;
  }

  lineEnd(text: string): void {
    if (this.broken) {
      this.#trailingBreaks += text;
      return;
    }
    this.#blanks = '';
    this.#leadingBreak = text;
    this.broken = true;
  }

  /** A line end that was escaped away. */
  escapedLineEnd(): void {
    this.broken = true;
  }

  take(): string {
    const folded = this.#folded();
    this.clear();
    return folded;
  }

  #folded(): string {
    if (!this.broken) return this.#blanks;
    if (this.#leadingBreak !== '\n') return this.#leadingBreak + this.#trailingBreaks;
    return this.#trailingBreaks === '' ? ' ' : this.#trailingBreaks;
  }
}

/** A plain scalar's text and where it ends; `broken` when a line end was passed behind it. */
export interface PlainScalar {
  readonly value: string;
  readonly end: number;
  readonly broken: boolean;
}

/** Reads an unquoted scalar that may go on over lines indented by `indent` or more. */
export function scanPlain(cursor: Cursor, indent: number, inFlow: boolean): PlainScalar {
  const start = cursor.offset;
  const fold = new Fold();
  let value = '';
  let end = start;
  while (!cursor.atDocumentIndicator() && cursor.peek() !== '#') {
    const stop = endOfPlainRun(cursor, inFlow, start);
    if (stop > cursor.offset) {
      value += fold.take() + cursor.takeTo(stop);
      end = stop;
    }
    if (!isBlank(cursor.peek()) && !isBreak(cursor.peek())) break;
    while (isBlank(cursor.peek()) || isBreak(cursor.peek())) {
      if (isBreak(cursor.peek())) {
        fold.lineEnd(cursor.takeBreak());
        continue;
      }
      if (fold.broken && cursor.column < indent && cursor.peek() === '\t') {
        throw new YamlSyntaxError('a tab character is used for indentation', cursor.offset);
      }
      fold.blank(cursor.peek());
      cursor.skip();
    }
    if (!inFlow && cursor.column < indent) break;
  }
  return { value, end, broken: fold.broken };
}

function endOfPlainRun(cursor: Cursor, inFlow: boolean, start: number): number {
  const { text } = cursor;
  let at = cursor.offset;
  for (;;) {
    const char = text.charAt(at);
    if (isBlankOrEnd(char)) return at;
    if (char === ':') {
      const next = text.charAt(at + 1);
      if (inFlow && next !== '' && ',?[]{}'.includes(next)) {
        throw new YamlSyntaxError("unexpected ':' inside a flow collection", at, {
          what: 'a value',
          offset: start,
        });
      }
      if (isBlankOrEnd(next)) return at;
    } else if (inFlow && ',[]{}'.includes(char)) {
      return at;
    }
    at += 1;
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
};
const HEX_ESCAPES: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Reads a quoted scalar; the cursor is on its opening quote and ends behind the closing one. */
export function scanQuoted(cursor: Cursor, quote: "'" | '"'): string {
  const start = cursor.offset;
  const context = { what: 'a quoted text', offset: start };
  const fold = new Fold();
  let value = '';
  cursor.skip();
  for (;;) {
    if (cursor.atDocumentIndicator())
      throw new YamlSyntaxError('a document separator inside a quoted text', cursor.offset, context);
    if (cursor.peek() === '') throw new YamlSyntaxError('the quoted text is never closed', start, context);
    while (!isBlankOrEnd(cursor.peek())) {
      const char = cursor.peek();
      if (char === "'" && quote === "'") {
        if (cursor.peek(1) !== "'") break;
        value += fold.take() + char;
        cursor.skip(2);
      } else if (char === '"' && quote === '"') {
        break;
      } else if (char === '\\' && quote === '"') {
        value += fold.take();
        if (isBreak(cursor.peek(1))) {
          cursor.skip();
          cursor.takeBreak();
          fold.escapedLineEnd();
          break;
        }
        value += takeEscape(cursor, context);
      } else {
        value += fold.take() + char;
        cursor.skip();
      }
    }
    if (cursor.peek() === quote) {
      cursor.skip();
      return value + fold.take();
    }
    while (isBlank(cursor.peek()) || isBreak(cursor.peek())) {
      if (isBreak(cursor.peek())) {
        fold.lineEnd(cursor.takeBreak());
      } else {
        fold.blank(cursor.peek());
        cursor.skip();
      }
    }
  }
}

function takeEscape(cursor: Cursor, context: { what: string; offset: number }): string {
  const letter = cursor.peek(1);
  const simple = SIMPLE_ESCAPES[letter];
  if (simple !== undefined) {
    cursor.skip(2);
    return simple;
  }
  const length = HEX_ESCAPES[letter];
  if (length === undefined) throw new YamlSyntaxError(`unknown escape \\${letter}`, cursor.offset, context);
  const digits = cursor.text.slice(cursor.offset + 2, cursor.offset + 2 + length);
  if (digits.length < length || !/^[0-9a-fA-F]+$/.test(digits))
    throw new YamlSyntaxError(`\\${letter} needs ${length} hexadecimal digits`, cursor.offset, context);
  const code = Number.parseInt(digits, 16);
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    throw new YamlSyntaxError(`\\${letter}${digits} is not a character`, cursor.offset, context);
  cursor.skip(2 + length);
  return String.fromCodePoint(code);
}

type Chomping = 'clip' | 'strip' | 'keep';

/** Reads `|` and `>` scalars below a collection indented by `parentIndent`; the cursor is on the indicator. */
export function scanBlock(cursor: Cursor, parentIndent: number): string {
  const start = cursor.offset;
  const context = { what: 'a block text', offset: start };
  const literal = cursor.peek() === '|';
  cursor.skip();
  const header = takeHeader(cursor, context);
  let indent = header.increment === 0 ? 0 : Math.max(parentIndent, 0) + header.increment;
  let value = '';
  let leadingBreak = '';
  let afterBlank = false;
  let breaks: string;
  ({ breaks, indent } = takeBlankLines(cursor, indent, parentIndent, context));
  while (cursor.column === indent && cursor.peek() !== '') {
    const onBlank = isBlank(cursor.peek());
    const joins = !literal && leadingBreak === '\n' && !afterBlank && !onBlank;
    value += joins ? (breaks === '' ? ' ' : '') : leadingBreak;
    value += breaks;
    afterBlank = onBlank;
    let end = cursor.offset;
    while (!isBreakOrEnd(cursor.text.charAt(end))) end += 1;
    value += cursor.takeTo(end);
    leadingBreak = cursor.peek() === '' ? '' : cursor.takeBreak();
    ({ breaks, indent } = takeBlankLines(cursor, indent, parentIndent, context));
  }
  if (header.chomping !== 'strip') value += leadingBreak;
  return header.chomping === 'keep' ? value + breaks : value;
}

function takeHeader(
  cursor: Cursor,
  context: { what: string; offset: number },
): { chomping: Chomping; increment: number } {
  let chomping: Chomping | undefined;
  let increment = 0;
  for (;;) {
    const char = cursor.peek();
    if (chomping === undefined && (char === '+' || char === '-')) chomping = char === '+' ? 'keep' : 'strip';
    else if (increment === 0 && /^[0-9]$/.test(char)) {
      if (char === '0') throw new YamlSyntaxError('an indentation of 0 makes no sense', cursor.offset, context);
      increment = Number(char);
    } else break;
    cursor.skip();
  }
  while (isBlank(cursor.peek())) cursor.skip();
  if (cursor.peek() === '#') while (!isBreakOrEnd(cursor.peek())) cursor.skip();
  if (!isBreakOrEnd(cursor.peek()))
    throw new YamlSyntaxError("the text after '|' or '>' must begin on the next line", cursor.offset, context);
  if (cursor.peek() !== '') cursor.takeBreak();
  return { chomping: chomping ?? 'clip', increment };
}

/** Empty lines up to the next text; finds the indentation out when it is not known (0). */
function takeBlankLines(
  cursor: Cursor,
  indent: number,
  parentIndent: number,
  context: { what: string; offset: number },
): { breaks: string; indent: number } {
  let breaks = '';
  let deepest = 0;
  for (;;) {
    while ((indent === 0 || cursor.column < indent) && cursor.peek() === ' ') cursor.skip();
    deepest = Math.max(deepest, cursor.column);
    if ((indent === 0 || cursor.column < indent) && cursor.peek() === '\t')
      throw new YamlSyntaxError('a tab character is used for indentation', cursor.offset, context);
    if (!isBreak(cursor.peek())) break;
    breaks += cursor.takeBreak();
  }
  return { breaks, indent: indent === 0 ? Math.max(deepest, parentIndent + 1, 1) : indent };
}
