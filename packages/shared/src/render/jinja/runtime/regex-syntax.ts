import { PyFault } from './fault.ts';

/** A Python pattern written for JavaScript's `u` mode and RE2 alike. */
export interface TranslatedPattern {
  readonly source: string;
  /** Names of groups in order; undefined for those without one. */
  readonly groups: readonly (string | undefined)[];
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  /** Look-around or back-references: beyond a linear-time engine. */
  readonly needsBacktracking: boolean;
  /** Unbounded repetitions, and whether one holds another: what a backtracking engine's time grows with. */
  readonly repeats: number;
  readonly nested: boolean;
}

/** `$` outside multiline mode, as JavaScript says it. */
export const END_OR_FINAL_FEED = '(?=\\n?$)';

const DIGIT = '\\p{Nd}';
const WORD = '\\p{L}\\p{N}_';
const SPACE = '\\t\\n\\v\\f\\r \\x1c-\\x1f\\x85\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const CLASSES: Readonly<Record<string, string>> = { d: DIGIT, w: WORD, s: SPACE };
const CONTROL: Readonly<Record<string, string>> = { n: '\\n', r: '\\r', t: '\\t', f: '\\f', v: '\\v', a: '\\x07' };

/** Reads Python's `re` syntax. @throws PyFault `error` on what Python refuses. */
export function translatePattern(
  pattern: string,
  options: { ignoreCase: boolean; multiline: boolean },
): TranslatedPattern {
  return new Translator(pattern, options).run();
}

class Translator {
  readonly #pattern: string;
  #at = 0;
  readonly #groups: (string | undefined)[] = [];
  #ignoreCase: boolean;
  #multiline: boolean;
  #dotAll = false;
  #verbose = false;
  #backtracking = false;
  #repeats = 0;
  #nested = false;

  constructor(pattern: string, options: { ignoreCase: boolean; multiline: boolean }) {
    this.#pattern = pattern;
    this.#ignoreCase = options.ignoreCase;
    this.#multiline = options.multiline;
  }

  run(): TranslatedPattern {
    const { text } = this.#alternatives();
    if (this.#at < this.#pattern.length) throw this.#error('unbalanced parenthesis');
    return {
      source: text,
      groups: this.#groups,
      ignoreCase: this.#ignoreCase,
      multiline: this.#multiline,
      dotAll: this.#dotAll,
      needsBacktracking: this.#backtracking,
      repeats: this.#repeats,
      nested: this.#nested,
    };
  }

  #error(message: string, at = this.#at): PyFault {
    return new PyFault('error', `${message} at position ${at}`);
  }

  #alternatives(): { text: string; hasRepeat: boolean } {
    let text = '';
    let hasRepeat = false;
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== ')') {
      if (this.#pattern[this.#at] === '|') {
        text += '|';
        this.#at += 1;
        continue;
      }
      const atom = this.#atom();
      const repeat = this.#repeat(atom);
      text += repeat.text;
      hasRepeat ||= repeat.hasRepeat;
    }
    return { text, hasRepeat };
  }

  #atom(): { text: string; hasRepeat: boolean; canRepeat: boolean } {
    const start = this.#at;
    const character = String.fromCodePoint(this.#pattern.codePointAt(start)!);
    this.#at += character.length;
    const plain = (text: string, canRepeat = true): { text: string; hasRepeat: boolean; canRepeat: boolean } => ({
      text,
      hasRepeat: false,
      canRepeat,
    });
    switch (character) {
      case '(':
        return this.#group(start);
      case '[':
        return plain(this.#characterClass(start));
      case '\\':
        return plain(this.#escape());
      case '*':
      case '+':
      case '?':
        throw this.#error('nothing to repeat', start);
      case '^':
        return plain('^', false);
      case '$':
        // Python's `$` also matches before a final line feed.
        return plain(this.#multiline ? '$' : END_OR_FINAL_FEED, false);
      case '.':
        return plain(this.#dotAll ? '[\\s\\S]' : '[^\\n]');
      case '#':
        if (this.#verbose) {
          const end = this.#pattern.indexOf('\n', this.#at);
          this.#at = end === -1 ? this.#pattern.length : end + 1;
          return plain('', false);
        }
        return plain('#');
      default:
        if (this.#verbose && /\s/.test(character)) return plain('', false);
        return plain(escapeLiteral(character));
    }
  }

  #repeat(atom: { text: string; hasRepeat: boolean; canRepeat: boolean }): { text: string; hasRepeat: boolean } {
    const match = /^(?:[*+?]|\{\d*,?\d*\})/.exec(this.#pattern.slice(this.#at));
    const counted = match?.[0];
    if (counted === undefined || counted === '{}' || counted === '{,}') return atom;
    if (!atom.canRepeat && counted.startsWith('{')) return atom;
    this.#at += counted.length;
    const lazy = this.#pattern[this.#at] === '?' ? '?' : '';
    this.#at += lazy.length;
    if (/^[*+?]/.test(this.#pattern.slice(this.#at))) throw this.#error('multiple repeat');
    const spelled = counted.startsWith('{,') ? `{0${counted.slice(1)}` : counted;
    const bounds = /^\{(\d+)(,?)(\d*)\}$/.exec(spelled);
    const unbounded = counted === '*' || counted === '+' || (bounds !== null && bounds[2] === ',' && bounds[3] === '');
    const wide = unbounded || Number(bounds?.[3] || bounds?.[1] || 0) > 10;
    if (Number(bounds?.[1] ?? 0) > 1000 || Number(bounds?.[3] || 0) > 1000)
      throw this.#error('the repetition number is too large');
    if (wide) this.#repeats += 1;
    if (wide && atom.hasRepeat) this.#nested = true;
    return { text: atom.text + spelled + lazy, hasRepeat: atom.hasRepeat || counted !== '?' };
  }

  #group(start: number): { text: string; hasRepeat: boolean; canRepeat: boolean } {
    const rest = this.#pattern.slice(this.#at);
    let open = '(';
    const flags = /^\?([aiLmsux]+)\)/.exec(rest);
    if (flags) {
      this.#at += flags[0].length;
      this.#setFlags(flags[1]!);
      return { text: '', hasRepeat: false, canRepeat: false };
    }
    const comment = /^\?#[^)]*\)/.exec(rest);
    if (comment) {
      this.#at += comment[0].length;
      return { text: '', hasRepeat: false, canRepeat: false };
    }
    const backReference = /^\?P=(\w+)\)/.exec(rest);
    if (backReference) {
      this.#at += backReference[0].length;
      return {
        text: this.#reference(this.#groups.indexOf(backReference[1]!) + 1, start),
        hasRepeat: false,
        canRepeat: true,
      };
    }
    const special = /^\?(?:P<(\w+)>|:|=|!|<=|<!|([aiLmsux]+)(?:-[imsx]+)?:)/.exec(rest);
    if (special) {
      this.#at += special[0].length;
      if (special[1] !== undefined) this.#openGroup(special[1]);
      else if (special[2] !== undefined) {
        this.#setFlags(special[2]);
        open = '(?:';
      } else {
        open = `(${special[0]}`;
        if (special[0] !== '?:') this.#backtracking = true;
      }
    } else if (rest.startsWith('?')) throw this.#error(`unknown extension ${rest.slice(0, 2)}`, start + 1);
    else this.#openGroup(undefined);
    const inside = this.#alternatives();
    if (this.#pattern[this.#at] !== ')') throw this.#error('missing ), unterminated subpattern', start);
    this.#at += 1;
    // Alternatives under a repetition can match the same text in several ways, as an inner repetition can.
    return {
      text: `${open}${inside.text})`,
      hasRepeat: inside.hasRepeat || inside.text.includes('|'),
      canRepeat: true,
    };
  }

  #openGroup(name: string | undefined): void {
    this.#groups.push(name);
  }

  #setFlags(flags: string): void {
    if (flags.includes('i')) this.#ignoreCase = true;
    if (flags.includes('m')) this.#multiline = true;
    if (flags.includes('s')) this.#dotAll = true;
    if (flags.includes('x')) this.#verbose = true;
  }

  #reference(group: number, at: number): string {
    if (group < 1 || group > this.#groups.length) throw this.#error('invalid group reference', at);
    this.#backtracking = true;
    return `(?:\\${group})`;
  }

  #escape(): string {
    const start = this.#at - 1;
    const next = this.#pattern[this.#at];
    if (next === undefined) throw this.#error('bad escape (end of pattern)', start);
    this.#at += 1;
    switch (next) {
      case 'A':
        return this.#multiline ? this.#anchor('(?<![\\s\\S])') : '^';
      case 'Z':
        return this.#multiline ? this.#anchor('(?![\\s\\S])') : '$';
      case 'b':
      case 'B':
        return `\\${next}`;
    }
    if (/[1-9]/.test(next)) {
      const more = /^\d?/.exec(this.#pattern.slice(this.#at))![0];
      this.#at += more.length;
      return this.#reference(Number(next + more), start);
    }
    const set = CLASSES[next.toLowerCase()];
    if (set !== undefined && /[dws]/i.test(next)) return next === next.toLowerCase() ? `[${set}]` : `[^${set}]`;
    return this.#sharedEscape(next, start);
  }

  #anchor(text: string): string {
    this.#backtracking = true;
    return text;
  }

  #sharedEscape(next: string, start: number): string {
    const control = CONTROL[next];
    if (control !== undefined) return control;
    const rest = this.#pattern.slice(this.#at);
    const hex =
      next === 'x'
        ? /^[\da-fA-F]{2}/.exec(rest)
        : next === 'u'
          ? /^[\da-fA-F]{4}/.exec(rest)
          : next === 'U'
            ? /^[\da-fA-F]{8}/.exec(rest)
            : null;
    if (hex) {
      this.#at += hex[0].length;
      return escapeLiteral(String.fromCodePoint(Number.parseInt(hex[0], 16)));
    }
    if (next === '0') {
      const octal = /^[0-7]{0,2}/.exec(rest)![0];
      this.#at += octal.length;
      return escapeLiteral(String.fromCharCode(Number.parseInt(`0${octal}`, 8)));
    }
    if (/[a-zA-Z]/.test(next)) throw this.#error(`bad escape \\${next}`, start);
    return escapeLiteral(next);
  }

  #characterClass(start: number): string {
    let text = '[';
    if (this.#pattern[this.#at] === '^') {
      text += '^';
      this.#at += 1;
    }
    for (let first = true; ; first = false) {
      const point = this.#pattern.codePointAt(this.#at);
      if (point === undefined) throw this.#error('unterminated character set', start);
      const character = String.fromCodePoint(point);
      if (character === ']' && !first) break;
      text += this.#classMember(character);
      const isRange =
        this.#pattern[this.#at] === '-' &&
        this.#pattern[this.#at + 1] !== ']' &&
        this.#pattern[this.#at + 1] !== undefined;
      if (isRange && !text.endsWith('}') && !text.endsWith('_')) {
        this.#at += 1;
        text += `-${this.#classMember(String.fromCodePoint(this.#pattern.codePointAt(this.#at)!))}`;
      }
    }
    this.#at += 1;
    return `${text}]`;
  }

  #classMember(character: string): string {
    const start = this.#at;
    this.#at += character.length;
    if (character !== '\\') return escapeLiteral(character);
    const next = this.#pattern[this.#at];
    if (next === undefined) throw this.#error('unterminated character set', start);
    this.#at += 1;
    if (/[dws]/.test(next)) return CLASSES[next]!;
    if (/[DWS]/.test(next)) {
      const inverse: Readonly<Record<string, string>> = { D: '\\P{Nd}', W: '\\P{L}', S: '\\S' };
      return inverse[next]!;
    }
    if (next === 'b') return '\\x08';
    return this.#sharedEscape(next, start);
  }
}

function escapeLiteral(character: string): string {
  if (/[\\^$.*+?()[\]{}|/-]/.test(character)) return character === '-' ? '\\x2d' : `\\${character}`;
  return character;
}
