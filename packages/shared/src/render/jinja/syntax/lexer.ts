import { SyntaxFault } from './error.ts';

/** Kinds of tokens; operators carry their spelling as the type. */
export type TokenType =
  | 'data'
  | 'variable_begin'
  | 'variable_end'
  | 'block_begin'
  | 'block_end'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator'
  | 'eof'
  | 'error';

/** One token with its place. `error` tokens carry the message, so that the parser fails when it gets there. */
export interface Token {
  readonly type: TokenType;
  readonly value: string;
  readonly lineno: number;
  readonly colno: number;
}

/** Lexer options; Jinja's defaults where absent. */
export interface LexerOptions {
  readonly trimBlocks?: boolean;
  readonly lstripBlocks?: boolean;
  readonly lineStatementPrefix?: string;
  readonly lineCommentPrefix?: string;
}

const NAME = /[\p{XID_Start}_][\p{XID_Continue}]*/uy;
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;
const SPACE = /\s+/y;
const RAW_BEGIN = /\{%([-+])?\s*raw\s*(?:-%\}|%\})/y;
const RAW_END = /\{%([-+]?)\s*endraw\s*(-%\}|\+%\}|%\})/g;
const OPENERS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** The text as Jinja lexes it: every kind of line end becomes `\n` and one final newline is dropped. */
export function normalizeSource(text: string): string {
  const lines = text.includes('\r') ? text.replace(/\r\n|\r/g, '\n') : text;
  return lines.endsWith('\n') ? lines.slice(0, -1) : lines;
}

/**
 * Splits a template into tokens by Jinja2's rules: whitespace control is applied here, raw blocks and comments are
 * gone. After an error the rest of the tag is skipped and lexing goes on.
 */
export function tokenize(source: string, options: LexerOptions = {}): Token[] {
  return new Lexer(source, options).run();
}

interface Opening {
  readonly kind: 'variable' | 'block' | 'comment' | 'raw' | 'line' | 'line-comment';
  /** Where the opening begins, white space before a line statement included. */
  readonly start: number;
  readonly end: number;
  readonly sign: string;
}

class Lexer {
  readonly #text: string;
  readonly #options: LexerOptions;
  readonly #tokens: Token[] = [];
  readonly #opening: RegExp;
  #at = 0;
  #counted = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string, options: LexerOptions) {
    this.#text = text;
    this.#options = options;
    this.#opening = openingPattern(options);
  }

  run(): Token[] {
    while (this.#at < this.#text.length) {
      const opening = this.#findOpening();
      const until = opening?.start ?? this.#text.length;
      let data = this.#text.slice(this.#at, until);
      if (opening) data = this.#stripBefore(data, opening);
      if (data !== '') this.#push('data', data, this.#at);
      if (!opening) break;
      this.#at = opening.end;
      this.#afterOpening(opening);
    }
    this.#push('eof', '', this.#text.length);
    return this.#tokens;
  }

  #afterOpening(opening: Opening): void {
    switch (opening.kind) {
      case 'comment':
        this.#comment(opening);
        return;
      case 'line-comment': {
        const newline = this.#text.indexOf('\n', opening.end);
        this.#at = newline === -1 ? this.#text.length : newline;
        return;
      }
      case 'raw':
        this.#raw(opening);
        return;
      case 'line':
        this.#lineStatement(opening);
        return;
      default:
        this.#tag(opening);
    }
  }

  #findOpening(): Opening | undefined {
    this.#opening.lastIndex = this.#at;
    for (let match = this.#opening.exec(this.#text); match; match = this.#opening.exec(this.#text)) {
      const { groups, index } = match;
      const end = index + match[0].length;
      if (groups!.line !== undefined) {
        if (index > 0 && this.#text[index - 1] !== '\n') {
          this.#opening.lastIndex = index + 1;
          continue;
        }
        return { kind: 'line', start: index, end, sign: match[0].endsWith('-') ? '-' : '' };
      }
      if (groups!.linecomment !== undefined) return { kind: 'line-comment', start: index, end, sign: '' };
      const [spelling, sign = ''] = [match[0].slice(0, 2), match[0].slice(2)];
      if (spelling === '{{') return { kind: 'variable', start: index, end, sign };
      if (spelling === '{#') return { kind: 'comment', start: index, end, sign };
      RAW_BEGIN.lastIndex = index;
      const raw = RAW_BEGIN.exec(this.#text);
      return { kind: raw ? 'raw' : 'block', start: index, end: raw ? RAW_BEGIN.lastIndex : end, sign };
    }
    return undefined;
  }

  #stripBefore(data: string, opening: Opening): string {
    if (opening.sign === '-') return data.trimEnd();
    const strips = opening.kind === 'block' || opening.kind === 'comment' || opening.kind === 'raw';
    if (!this.#options.lstripBlocks || opening.sign === '+' || !strips) return data;
    const lineAt = data.lastIndexOf('\n') + 1;
    const startsLine = lineAt > 0 || this.#at === 0 || this.#text[this.#at - 1] === '\n';
    return startsLine && /^[^\S\n]*$/.test(data.slice(lineAt)) ? data.slice(0, lineAt) : data;
  }

  #comment(opening: Opening): void {
    const end = this.#text.indexOf('#}', opening.end);
    if (end === -1) {
      this.#push('error', 'Missing end of comment tag', opening.start);
      this.#at = this.#text.length;
      return;
    }
    const sign = end > opening.end ? this.#text[end - 1]! : '';
    this.#skipAfter(sign, end + 2, true);
  }

  #raw(opening: Opening): void {
    const stripsStart = this.#text[opening.end - 3] === '-';
    let start = opening.end;
    if (stripsStart) start = this.#skipSpace(start);
    RAW_END.lastIndex = opening.end;
    const end = RAW_END.exec(this.#text);
    if (!end) {
      this.#push('error', 'Missing end of raw directive', opening.start);
      this.#at = this.#text.length;
      return;
    }
    let data = this.#text.slice(Math.min(start, end.index), end.index);
    if (end[1] === '-') data = data.trimEnd();
    else if (this.#options.lstripBlocks && end[1] !== '+') data = data.replace(/(^|\n)[^\S\n]+$/, '$1');
    if (data !== '') this.#push('data', data, start);
    this.#skipAfter(end[2]![0]!, RAW_END.lastIndex, true);
  }

  #skipAfter(sign: string, at: number, isBlock: boolean): void {
    this.#at = at;
    if (sign === '-') this.#at = this.#skipSpace(at);
    else if (isBlock && this.#options.trimBlocks && sign !== '+' && this.#text[at] === '\n') this.#at += 1;
  }

  #skipSpace(at: number): number {
    SPACE.lastIndex = at;
    return SPACE.test(this.#text) ? SPACE.lastIndex : at;
  }

  #tag(opening: Opening): void {
    const isBlock = opening.kind === 'block';
    const closer = isBlock ? '%}' : '}}';
    this.#push(isBlock ? 'block_begin' : 'variable_begin', this.#text.slice(opening.start, opening.end), opening.start);
    const balance: string[] = [];
    while (this.#at < this.#text.length) {
      if (balance.length === 0) {
        const sign = this.#closingSign(closer, isBlock);
        if (sign !== undefined) {
          this.#push(isBlock ? 'block_end' : 'variable_end', sign + closer, this.#at);
          this.#skipAfter(sign, this.#at + sign.length + 2, isBlock);
          return;
        }
      }
      if (!this.#expressionToken(balance)) {
        const end = this.#text.indexOf(closer, this.#at);
        this.#at = end === -1 ? this.#text.length : end;
        balance.length = 0;
      }
    }
  }

  #closingSign(closer: string, isBlock: boolean): string | undefined {
    if (this.#text.startsWith(closer, this.#at)) return '';
    const sign = this.#text[this.#at]!;
    const signed = sign === '-' || (isBlock && sign === '+');
    return signed && this.#text.startsWith(closer, this.#at + 1) ? sign : undefined;
  }

  #lineStatement(opening: Opening): void {
    this.#push('block_begin', '{%', opening.start);
    const balance: string[] = [];
    while (this.#at < this.#text.length) {
      if (balance.length === 0) {
        const end = /\s*(?:\n|$)/y;
        end.lastIndex = this.#at;
        const match = end.exec(this.#text);
        if (match) {
          this.#push('block_end', '%}', this.#at);
          const newline = this.#text.indexOf('\n', this.#at);
          this.#at = newline === -1 ? this.#text.length : newline + 1;
          return;
        }
        const colon = /:[^\S\n]*(?=\n|$)/y;
        colon.lastIndex = this.#at;
        if (colon.test(this.#text)) {
          this.#at = colon.lastIndex;
          continue;
        }
      }
      if (!this.#expressionToken(balance)) {
        const newline = this.#text.indexOf('\n', this.#at);
        this.#at = newline === -1 ? this.#text.length : newline;
        balance.length = 0;
      }
    }
    this.#push('block_end', '%}', this.#at);
  }

  /** Reads one token of an expression; false after an error. */
  #expressionToken(balance: string[]): boolean {
    const text = this.#text;
    const at = this.#at;
    SPACE.lastIndex = at;
    if (SPACE.test(text)) {
      this.#at = SPACE.lastIndex;
      return true;
    }
    for (const [type, pattern] of PATTERNS) {
      if (type === 'float' && text[at - 1] === '.') continue;
      pattern.lastIndex = at;
      if (!pattern.test(text)) continue;
      const value = text.slice(at, pattern.lastIndex);
      if (type === 'operator') {
        const fault = balanceFault(value, balance);
        if (fault !== undefined) {
          this.#push('error', fault, at);
          this.#at = pattern.lastIndex;
          return false;
        }
      }
      this.#push(type, value, at);
      this.#at = pattern.lastIndex;
      return true;
    }
    const character = String.fromCodePoint(text.codePointAt(at)!);
    this.#push('error', `unexpected char ${pythonQuote(character)} at ${at}`, at);
    this.#at += character.length;
    return false;
  }

  #push(type: TokenType, value: string, at: number): void {
    this.#countTo(at);
    this.#tokens.push({ type, value, lineno: this.#line, colno: at - this.#lineStart + 1 });
  }

  #countTo(at: number): void {
    for (let next = this.#text.indexOf('\n', this.#counted); next !== -1 && next < at; ) {
      this.#line += 1;
      this.#lineStart = next + 1;
      next = this.#text.indexOf('\n', next + 1);
    }
    this.#counted = Math.max(this.#counted, at);
  }
}

const PATTERNS: readonly (readonly [TokenType, RegExp])[] = [
  ['float', FLOAT],
  ['integer', INTEGER],
  ['name', NAME],
  ['string', STRING],
  ['operator', OPERATOR],
];

function balanceFault(operator: string, balance: string[]): string | undefined {
  const closes = OPENERS[operator];
  if (closes !== undefined) balance.push(closes);
  else if (operator === ')' || operator === ']' || operator === '}') {
    const expected = balance.pop();
    if (expected === undefined) return `unexpected '${operator}'`;
    if (expected !== operator) return `unexpected '${operator}', expected '${expected}'`;
  }
  return undefined;
}

function pythonQuote(text: string): string {
  return text === "'" ? `"'"` : text === '\\' ? "'\\\\'" : `'${text}'`;
}

function openingPattern({ lineStatementPrefix, lineCommentPrefix }: LexerOptions): RegExp {
  const parts = ['(?<tag>\\{\\{-?|\\{%[-+]?|\\{#[-+]?)'];
  if (lineStatementPrefix) parts.push(`(?<line>[^\\S\\n]*${escapeForRegExp(lineStatementPrefix)}-?)`);
  else parts.push('(?<line>(?!))');
  if (lineCommentPrefix)
    parts.push(`(?<linecomment>(?:(?<=^|\\n)|(?<=\\S))[^\\S\\n]*${escapeForRegExp(lineCommentPrefix)})`);
  else parts.push('(?<linecomment>(?!))');
  return new RegExp(parts.join('|'), 'g');
}

function escapeForRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
};

/** The text of a string token. @throws SyntaxFault on an escape Python would refuse. */
export function stringValue(token: Token): string {
  const raw = token.value.slice(1, -1);
  if (!raw.includes('\\')) return raw;
  return raw.replace(
    /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S]))/g,
    (all: string, octal?: string, hex?: string, short?: string, long?: string, other?: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      const code = hex ?? short ?? long;
      if (code !== undefined) {
        const point = Number.parseInt(code, 16);
        if (point <= 0x10ffff) return String.fromCodePoint(point);
      } else if (other !== 'x' && other !== 'u' && other !== 'U' && other !== 'N') return ESCAPES[other!] ?? all;
      throw new SyntaxFault(`invalid escape sequence in string ${token.value}`, {
        line: token.lineno,
        column: token.colno,
      });
    },
  );
}
