import { float, integer, PyMap, type Value } from '../../../values/index.ts';

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y;
const CONTROL = '\\u0000-\\u001f';
const STRING = new RegExp(`"(?:[^"\\\\${CONTROL}]|\\\\(?:["\\\\/bfnrt]|u[\\da-fA-F]{4}))*"`, 'y');
const SPACE = /[ \t\n\r]*/y;
const MAX_DEPTH = 500;

/** JSON as Python reads it: mappings keep their order, `1.0` stays a float. Undefined when it is not JSON. */
export function parseJson(text: string): Value | undefined {
  const parser = new Parser(text);
  try {
    return parser.whole();
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
}

class NotJson extends Error {}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Value {
    const value = this.#value();
    this.#space();
    if (this.#at !== this.#text.length) throw new NotJson();
    return value;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #take(expected: string): boolean {
    this.#space();
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #value(): Value {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new NotJson();
    const value = this.#inner();
    this.#depth -= 1;
    return value;
  }

  #inner(): Value {
    if (this.#take('{')) return this.#mapping();
    if (this.#take('[')) return this.#list();
    if (this.#text[this.#at] === '"') return this.#string();
    for (const [word, value] of WORDS) if (this.#take(word)) return value;
    return this.#number();
  }

  #mapping(): PyMap {
    const map = new PyMap();
    if (this.#take('}')) return map;
    do {
      this.#space();
      const key = this.#string();
      if (!this.#take(':')) throw new NotJson();
      map.set(key, this.#value());
    } while (this.#take(','));
    if (!this.#take('}')) throw new NotJson();
    return map;
  }

  #list(): Value[] {
    const items: Value[] = [];
    if (this.#take(']')) return items;
    do items.push(this.#value());
    while (this.#take(','));
    if (!this.#take(']')) throw new NotJson();
    return items;
  }

  #string(): string {
    STRING.lastIndex = this.#at;
    const match = STRING.exec(this.#text);
    if (!match) throw new NotJson();
    this.#at = STRING.lastIndex;
    return JSON.parse(match[0]) as string;
  }

  #number(): Value {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (!match) throw new NotJson();
    this.#at = NUMBER.lastIndex;
    const isFloat = match[1] !== undefined || match[2] !== undefined;
    return isFloat ? float(Number(match[0])) : integer(BigInt(match[0]));
  }
}

const WORDS: readonly (readonly [string, Value])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
];
