import { createContext, Script } from 'node:vm';
import { EdgeError, errorMessage } from '../kernel/index.ts';

/** A fault in a Python regular expression; `index` is the UTF-16 offset in the pattern. */
export class PatternError extends EdgeError {
  readonly index: number;

  constructor(pattern: string, reason: string, index: number, hint?: string) {
    super(
      'EDGE_PATTERN_INVALID',
      `regular expression \`${pattern}\`: ${reason} at position ${index}`,
      { pattern, index },
      hint === undefined ? {} : { hint },
    );
    this.index = index;
  }
}

/** A Python regular expression ready to be matched. */
export interface PythonPattern {
  readonly source: string;
  /** Python's `re.match`: from the start of the text, not necessarily to its end. @throws EdgeError `EDGE_PATTERN_TOO_SLOW` */
  matchesStart(text: string): boolean;
}

/** Milliseconds a pattern that could explode may take on one text. */
const SLOW_LIMIT_MS = 200;
const DIGIT = '\\p{Nd}';
const WORD = '\\p{L}\\p{N}_';
const SPACE =
  '\\t-\\r\\u{1c}-\\u{20}\\u{85}\\u{a0}\\u{1680}\\u{2000}-\\u{200a}\\u{2028}\\u{2029}\\u{202f}\\u{205f}\\u{3000}';
const END = '(?![\\s\\S])';
const START = '(?<![\\s\\S])';

/**
 * Translates a pattern of Python's `re` (text patterns, Python 3.11): leading flags, named groups, `\A \Z $ ^ .`, Unicode
 * `\d \w \s \b`, literal braces and brackets. What JavaScript cannot say (conditionals, atomic groups, possessive
 * quantifiers, flags in the middle) is refused by name.
 *
 * @throws PatternError
 */
export function compilePythonPattern(source: string, options: { readonly ignoreCase?: boolean } = {}): PythonPattern {
  const translator = new Translator(source, options.ignoreCase ?? false);
  const translated = translator.translate();
  const flags = `uy${translator.ignoreCase ? 'i' : ''}`;
  let expression: RegExp;
  try {
    expression = new RegExp(translated, flags);
  } catch (error) {
    const reason = errorMessage(error).replace(/^.*: /, '').toLowerCase();
    throw new PatternError(source, reason, 0);
  }
  return {
    source,
    matchesStart: translator.mayExplode
      ? guardedTest(source, translated, flags)
      : (text) => {
          expression.lastIndex = 0;
          return expression.test(text);
        },
  };
}

/** V8 looks for termination while it backtracks, so a timeout ends even the worst pattern. */
function guardedTest(source: string, translated: string, flags: string): (text: string) => boolean {
  const sandbox = createContext({ expression: new RegExp(translated, flags), text: '' });
  const script = new Script('expression.lastIndex = 0; expression.test(text)');
  return (text) => {
    sandbox.text = text;
    try {
      return script.runInContext(sandbox, { timeout: SLOW_LIMIT_MS }) === true;
    } catch (error) {
      throw new EdgeError(
        'EDGE_PATTERN_TOO_SLOW',
        `regular expression \`${source}\` took over ${SLOW_LIMIT_MS} ms on a text of ${text.length} characters`,
        { pattern: source, limitMs: SLOW_LIMIT_MS },
        { hint: 'Avoid repeating a group that itself repeats, such as `(a+)+`.', cause: error },
      );
    }
  };
}

interface OpenGroup {
  readonly index: number;
  readonly close: string;
  /** Whether something inside repeats or branches, so that repeating the group may explode. */
  branches: boolean;
}

class Translator {
  ignoreCase: boolean;
  mayExplode = false;
  readonly #source: string;
  #at = 0;
  #out = '';
  #dotAll = false;
  #multiline = false;
  #verbose = false;
  #groups: OpenGroup[] = [];
  #unbounded = 0;
  /** What a quantifier would repeat: nothing yet, an atom, a group that branches inside, or something already repeated. */
  #previous: 'nothing' | 'atom' | 'branching-group' | 'repeated' = 'nothing';

  constructor(source: string, ignoreCase: boolean) {
    this.#source = source;
    this.ignoreCase = ignoreCase;
  }

  translate(): string {
    this.#leadingFlags();
    while (this.#at < this.#source.length) this.#element();
    const open = this.#groups.at(-1);
    if (open) throw this.#error('missing ), unterminated subpattern', open.index);
    return this.#out;
  }

  #leadingFlags(): void {
    for (let match = this.#take(/\(\?([aiLmsux]+)\)/y); match; match = this.#take(/\(\?([aiLmsux]+)\)/y)) {
      const flags = match[1]!;
      if (flags.includes('L')) throw this.#error('flag L needs a bytes pattern', 0);
      if (flags.includes('i')) this.ignoreCase = true;
      if (flags.includes('m')) this.#multiline = true;
      if (flags.includes('s')) this.#dotAll = true;
      if (flags.includes('x')) this.#verbose = true;
    }
  }

  #element(): void {
    if (this.#verbose && this.#take(/(?:[ \t\n\r\f\v]|#[^\n]*)+/y)) return;
    const start = this.#at;
    const char = this.#next();
    switch (char) {
      case '\\':
        this.#escape(start);
        return;
      case '[':
        this.#class(start);
        return;
      case '(':
        this.#openGroup(start);
        return;
      case ')':
        this.#closeGroup(start);
        return;
      case '|':
        this.#out += '|';
        this.#previous = 'nothing';
        if (this.#groups.length > 0) this.#groups.at(-1)!.branches = true;
        return;
      case '.':
        this.#atom(this.#dotAll ? '[\\s\\S]' : '[^\\n]');
        return;
      case '^':
        this.#assertion(this.#multiline ? `(?<=\\n|${START})` : START);
        return;
      case '$':
        this.#assertion(this.#multiline ? `(?=\\n|${END})` : `(?=\\n?${END})`);
        return;
      case '*':
      case '+':
      case '?':
        this.#quantifier(char, start, char !== '?');
        return;
      case '{':
        this.#braces(start);
        return;
      default:
        this.#atom(literal(char.codePointAt(0)!));
        return;
    }
  }

  #braces(start: number): void {
    const match = this.#take(/(\d*)(?:(,)(\d*))?\}/y);
    if (!match || (match[1] === '' && match[2] === undefined)) {
      this.#at = start + 1;
      this.#atom('\\{');
      return;
    }
    if (match[1] === '' && match[3] === '') {
      this.#at = start + 1;
      this.#atom('\\{');
      return;
    }
    const low = match[1] === '' ? '0' : match[1]!;
    if (match[3] && Number(match[3]) < Number(low)) {
      throw this.#error('min repeat greater than max repeat', start);
    }
    const most = match[2] === undefined ? Number(low) : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
    this.#quantifier(`{${low}${match[2] ?? ''}${match[3] ?? ''}}`, start, most > 1);
  }

  #quantifier(text: string, start: number, repeats: boolean): void {
    if (this.#previous === 'nothing') throw this.#error('nothing to repeat', start);
    if (this.#previous === 'repeated') throw this.#error('multiple repeat', start);
    if (repeats) {
      this.#unbounded += 1;
      if (this.#previous === 'branching-group' || this.#unbounded > 3) this.mayExplode = true;
    }
    this.#out += text;
    if (this.#take(/\?/y)) this.#out += '?';
    else if (this.#source[this.#at] === '+') {
      throw this.#error('possessive quantifiers are not supported', this.#at, 'Leave out the second `+`.');
    }
    this.#previous = 'repeated';
    const group = this.#groups.at(-1);
    if (group && text !== '?') group.branches = true;
    else if (group) group.branches ||= repeats;
  }

  #openGroup(start: number): void {
    this.#previous = 'nothing';
    const enter = (open: string, close = ')'): void => {
      this.#groups.push({ index: start, close, branches: false });
      this.#out += open;
    };
    if (!this.#take(/\?/y)) {
      enter('(');
      return;
    }
    const comment = this.#take(/#[^)]*\)/y);
    if (comment) {
      this.#previous = 'atom';
      return;
    }
    const plain = this.#take(/:|=|!|<=|<!/y);
    if (plain) {
      // Python may repeat what looks around, JavaScript only a group about it.
      if (plain[0] === ':') enter('(?:');
      else enter(`(?:(?${plain[0]}`, '))');
      return;
    }
    const named = this.#take(/P<([A-Za-z_]\w*)>/y);
    if (named) {
      enter(`(?<${named[1]}>`);
      return;
    }
    const reference = this.#take(/P=([A-Za-z_]\w*)\)/y);
    if (reference) {
      this.mayExplode = true;
      this.#atom(`\\k<${reference[1]}>`);
      return;
    }
    const rest = this.#source.slice(this.#at);
    if (rest.startsWith('(')) throw this.#error('conditional groups are not supported', start);
    if (rest.startsWith('>')) throw this.#error('atomic groups are not supported', start);
    if (/^[aiLmsux-]+:/.test(rest)) {
      throw this.#error('flags for a part are not supported', start, 'Put the flags first: `(?i)…`.');
    }
    if (/^[aiLmsux]+\)/.test(rest)) throw this.#error('global flags not at the start of the expression', start);
    if (rest === '') throw this.#error('unexpected end of pattern', start);
    throw this.#error(`unknown extension ?${rest[0]}`, start, 'Named groups are written `(?P<name>…)`.');
  }

  #closeGroup(start: number): void {
    const group = this.#groups.pop();
    if (!group) throw this.#error('unbalanced parenthesis', start);
    this.#out += group.close;
    this.#previous = group.branches ? 'branching-group' : 'atom';
    const outer = this.#groups.at(-1);
    if (outer) outer.branches ||= group.branches;
  }

  #escape(start: number): void {
    const char = this.#next();
    if (char === '') throw this.#error('bad escape (end of pattern)', start);
    switch (char) {
      case 'A':
        this.#assertion(START);
        return;
      case 'Z':
        this.#assertion(END);
        return;
      case 'b':
        this.#assertion(`(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`);
        return;
      case 'B':
        // Python 3.11 finds neither `\\b` nor `\\B` in an empty text.
        this.#assertion(`(?!${START}${END})(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`);
        return;
    }
    const set = classEscape(char);
    if (set !== undefined) {
      this.#atom(set.negated ? `[^${set.members}]` : `[${set.members}]`);
      return;
    }
    if (/[1-9]/.test(char)) {
      const more = this.#take(/\d/y);
      this.mayExplode = true;
      this.#atom(`(?:\\${char}${more?.[0] ?? ''})`);
      return;
    }
    this.#atom(literal(this.#escapedCode(char, start)));
  }

  /** The code point of an escape that stands for one character. */
  #escapedCode(char: string, start: number): number {
    const controls: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };
    const control = controls[char];
    if (control !== undefined) return control;
    if (char === '0') return Number.parseInt(`0${this.#take(/[0-7]{1,2}/y)?.[0] ?? ''}`, 8);
    const digits = { x: 2, u: 4, U: 8 }[char];
    if (digits !== undefined) {
      const hex = this.#take(new RegExp(`[0-9a-fA-F]{${digits}}`, 'y'));
      if (!hex || Number.parseInt(hex[0], 16) > 0x10ffff) throw this.#error(`incomplete escape \\${char}`, start);
      return Number.parseInt(hex[0], 16);
    }
    if (/[A-Za-z0-9]/.test(char)) throw this.#error(`bad escape \\${char}`, start);
    return char.codePointAt(0)!;
  }

  #class(start: number): void {
    const negated = this.#take(/\^/y) !== null;
    const members: string[] = [];
    for (let first = true; ; first = false) {
      const at = this.#at;
      const low = this.#classMember(start, first);
      if (low === undefined) break;
      if (this.#source[this.#at] === '-' && this.#source[this.#at + 1] !== ']' && this.#at + 1 < this.#source.length) {
        this.#at += 1;
        const high = this.#classMember(start, true);
        const text = this.#source.slice(at, this.#at);
        if (typeof low !== 'number' || typeof high !== 'number' || high < low) {
          throw this.#error(`bad character range ${text}`, at);
        }
        members.push(`${literal(low)}-${literal(high)}`);
      } else members.push(typeof low === 'number' ? literal(low) : low);
    }
    this.#atom(`[${negated ? '^' : ''}${members.join('')}]`);
  }

  /** One member: a code point, or the text of a set such as `\d`; undefined at the closing bracket. */
  #classMember(start: number, closesNot: boolean): number | string | undefined {
    const at = this.#at;
    const char = this.#next();
    if (char === '') throw this.#error('unterminated character set', start);
    if (char === ']' && !closesNot) return undefined;
    if (char !== '\\') return char.codePointAt(0)!;
    const escaped = this.#next();
    if (escaped === '') throw this.#error('unterminated character set', start);
    const set = classEscape(escaped);
    if (set !== undefined) return set.negated ? complement(escaped) : set.members;
    return this.#escapedCode(escaped, at);
  }

  /** A place in the text; there is nothing of it to repeat. */
  #assertion(text: string): void {
    this.#out += text;
    this.#previous = 'nothing';
  }

  #atom(text: string): void {
    this.#out += text;
    this.#previous = 'atom';
  }

  #next(): string {
    const code = this.#source.codePointAt(this.#at);
    if (code === undefined) return '';
    const char = String.fromCodePoint(code);
    this.#at += char.length;
    return char;
  }

  #take(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#source);
    if (match) this.#at += match[0].length;
    return match;
  }

  #error(reason: string, index: number, hint?: string): PatternError {
    return new PatternError(this.#source, reason, index, hint);
  }
}

function classEscape(char: string): { readonly members: string; readonly negated: boolean } | undefined {
  switch (char) {
    case 'd':
    case 'D':
      return { members: DIGIT, negated: char === 'D' };
    case 'w':
    case 'W':
      return { members: WORD, negated: char === 'W' };
    case 's':
    case 'S':
      return { members: SPACE, negated: char === 'S' };
    default:
      return undefined;
  }
}

/** A negated set as a member of a class, where `[^…]` cannot stand. */
function complement(char: string): string {
  if (char === 'D') return '\\P{Nd}';
  if (char === 'S') return '\\S';
  // Everything but letters, numbers and `_`, which is one of the connectors (Pc).
  return '\\p{M}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\u{203f}\\u{2040}\\u{2054}\\u{ff3f}\\p{S}\\p{Z}\\p{C}';
}

/** A code point written so that no context gives it a meaning. */
function literal(code: number): string {
  return /[A-Za-z0-9_]/.test(String.fromCodePoint(code)) ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`;
}
