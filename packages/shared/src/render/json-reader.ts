import { float, integer, type KeyIdentity, PyMap, type Value } from '../values/index.ts';
import type { Places } from './places.ts';

/** Text that is not JSON. */
export class JsonSyntaxError extends Error {
  readonly offset: number;
  readonly hint: string;

  constructor(problem: string, offset: number, hint = '') {
    super(problem);
    this.name = 'JsonSyntaxError';
    this.offset = offset;
    this.hint = hint;
  }
}

/** What stands for itself in a string: no quotes, backslashes or control characters. */
const PLAIN_TEXT = /[ !#-[\]-\uffff]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y;
const WORDS: readonly (readonly [string, Value])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
];
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
/** Nesting beyond which text is refused rather than the stack overrun. */
const DEEPEST = 1000;

/** Reads JSON as Python's `json.loads` does, `NaN` and `Infinity` included, and keeps the offsets of its parts. */
export class JsonReader {
  readonly places: Places = new Map();
  readonly repeatedKeys: { readonly key: string; readonly offset: number; readonly end: number }[] = [];
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @throws JsonSyntaxError */
  document(): Value {
    this.#skipSpace();
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error('there is more text after the end of the JSON');
    return value;
  }

  #error(problem: string, hint = ''): JsonSyntaxError {
    return new JsonSyntaxError(problem, this.#at, hint);
  }

  #skipSpace(): void {
    while (' \t\n\r'.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at += 1;
  }

  #skip(char: string): boolean {
    this.#skipSpace();
    if (this.#text.charAt(this.#at) !== char) return false;
    this.#at += 1;
    this.#skipSpace();
    return true;
  }

  #value(): Value {
    const char = this.#text.charAt(this.#at);
    if (char === '"') return this.#string();
    if (char === '{' || char === '[') {
      this.#depth += 1;
      if (this.#depth > DEEPEST) throw this.#error(`nested more than ${DEEPEST} deep`);
      const value = char === '{' ? this.#object() : this.#array();
      this.#depth -= 1;
      return value;
    }
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#number();
  }

  #number(): Value {
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text);
    if (!found) {
      const char = this.#text.charAt(this.#at);
      if (char === '') throw this.#error('the text ends where a value belongs');
      throw this.#error(`'${char}' cannot begin a value`, char === "'" ? 'JSON knows only double quotes.' : '');
    }
    this.#at += found[0].length;
    return found[1] === undefined && found[2] === undefined ? integer(BigInt(found[0])) : float(Number(found[0]));
  }

  #array(): Value[] {
    const list: Value[] = [];
    const offsets: number[] = [];
    this.places.set(list, offsets);
    this.#at += 1;
    if (this.#skip(']')) return list;
    do {
      offsets.push(this.#at);
      list.push(this.#value());
    } while (this.#comma(']'));
    return list;
  }

  #object(): PyMap {
    const map = new PyMap();
    const offsets = new Map<KeyIdentity, number>();
    this.places.set(map, offsets);
    this.#at += 1;
    if (this.#skip('}')) return map;
    do {
      const offset = this.#at;
      if (this.#text.charAt(offset) !== '"') throw this.#error('a key in double quotes belongs here');
      const key = this.#string();
      if (map.has(key)) this.repeatedKeys.push({ key, offset, end: this.#at });
      if (!this.#skip(':')) throw this.#error("':' belongs here, after the key");
      offsets.set(key, offset);
      map.set(key, this.#value());
    } while (this.#comma('}'));
    return map;
  }

  /** True when another part follows, false behind the closing bracket. */
  #comma(close: string): boolean {
    if (this.#skip(close)) return false;
    if (!this.#skip(',')) throw this.#error(`',' or '${close}' belongs here`);
    if (this.#text.charAt(this.#at) === close) throw this.#error('a value belongs here', "Remove the ',' before it.");
    return true;
  }

  #string(): string {
    const start = this.#at;
    let value = '';
    this.#at += 1;
    for (;;) {
      PLAIN_TEXT.lastIndex = this.#at;
      const run = PLAIN_TEXT.exec(this.#text)![0];
      this.#at += run.length;
      value += run;
      const char = this.#text.charAt(this.#at);
      if (char === '') throw new JsonSyntaxError('the text in quotes is never closed', start);
      if (char === '"') {
        this.#at += 1;
        return value;
      }
      if (char !== '\\') throw this.#error('a control character in quotes', 'Write a line break as \\n, a tab as \\t.');
      value += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at + 1);
    const simple = ESCAPES[letter];
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) {
      throw this.#error(`unknown escape \\${letter}`, 'Write \\\\ for a backslash.');
    }
    this.#at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
}
