import { Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd } from './cursor.ts';
import { scanBlock, scanPlain, scanQuoted } from './scalars.ts';
import { type MarkTokenType, type Token, YamlSyntaxError } from './tokens.ts';

/** A text so far that becomes a key if a colon follows on the same line. */
interface SimpleKey {
  /** Nothing else may stand here: a missing colon is an error. */
  readonly required: boolean;
  /** Number of the token the key would begin with, counted from the first of the text. */
  readonly tokenNumber: number;
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/** libyaml's limit on the length of a key that is not introduced by `?`. */
const LONGEST_SIMPLE_KEY = 1024;
const WORD = /[0-9A-Za-z_-]*/y;
const URI = /(?:[0-9A-Za-z_;/?:@&=+$.!~*'()-]|%[0-9A-Fa-f]{2})*/y;
const VERBATIM_URI = /(?:[0-9A-Za-z_;/?:@&=+$.!~*'(),[\]-]|%[0-9A-Fa-f]{2})*/y;

/**
 * Cuts YAML 1.1 text into tokens, accepting and refusing exactly what libyaml 0.2.5 does (docs/decisions/0004-own-yaml-reader.md).
 * Tokens come lazily, so that the first error is met in the order of the text.
 */
export class Scanner {
  readonly #cursor: Cursor;
  readonly #queue: Token[] = [];
  #taken = 0;
  #ended = false;
  #indent = -1;
  readonly #indents: number[] = [];
  #keyAllowed = true;
  /** One place per open flow collection, and the block context at the bottom. */
  readonly #keys: (SimpleKey | undefined)[] = [undefined];

  constructor(text: string) {
    this.#cursor = new Cursor(text, text.startsWith('\ufeff') ? 1 : 0);
  }

  /** The next token without taking it; the last one, `stream-end`, stays. @throws YamlSyntaxError */
  peek(): Token {
    while (!this.#ended && (this.#queue.length === 0 || this.#headMayBecomeKey())) this.#fetch();
    return this.#queue[0]!;
  }

  /** Takes the next token. @throws YamlSyntaxError */
  take(): Token {
    const token = this.peek();
    if (token.type === 'stream-end') return token;
    this.#queue.shift();
    this.#taken += 1;
    return token;
  }

  get #inFlow(): boolean {
    return this.#keys.length > 1;
  }

  #headMayBecomeKey(): boolean {
    this.#dropStaleKeys();
    return this.#keys.some((key) => key?.tokenNumber === this.#taken);
  }

  #dropStaleKeys(): void {
    const { line, offset } = this.#cursor;
    this.#keys.forEach((key, index) => {
      if (!key || (key.line === line && key.offset + LONGEST_SIMPLE_KEY >= offset)) return;
      if (key.required) throw missingColon(key, offset);
      this.#keys[index] = undefined;
    });
  }

  #fetch(): void {
    const cursor = this.#cursor;
    this.#skipToToken();
    this.#dropStaleKeys();
    this.#unroll(cursor.column);
    const fetch = this.#fetcher(cursor.peek());
    if (fetch) {
      fetch();
      return;
    }
    throw new YamlSyntaxError(
      cursor.peek() === '\t' ? 'a tab character is used for indentation' : `'${cursor.peek()}' cannot begin a value`,
      cursor.offset,
    );
  }

  /** What reads the token that begins with `char`; undefined when none does. */
  #fetcher(char: string): (() => void) | undefined {
    const cursor = this.#cursor;
    if (char === '') return () => this.#fetchEnd();
    if (cursor.column === 0 && char === '%') return () => this.#fetchDirective();
    if (cursor.atDocumentIndicator()) {
      return () => this.#fetchDocumentIndicator(char === '-' ? 'document-start' : 'document-end');
    }
    const plain = () => this.#fetchPlain();
    const inFlow = this.#inFlow;
    const blankNext = isBlankOrEnd(cursor.peek(1));
    switch (char) {
      case '[':
        return () => this.#openFlow('flow-sequence-start');
      case '{':
        return () => this.#openFlow('flow-mapping-start');
      case ']':
        return () => this.#closeFlow('flow-sequence-end');
      case '}':
        return () => this.#closeFlow('flow-mapping-end');
      case ',':
        return () => this.#fetchComma();
      case '*':
        return () => this.#fetchName('alias');
      case '&':
        return () => this.#fetchName('anchor');
      case '!':
        return () => this.#fetchTag();
      case "'":
      case '"':
        return () => this.#fetchQuoted(char);
      case '|':
      case '>':
        return inFlow ? undefined : () => this.#fetchBlock();
      case '-':
        return blankNext ? () => this.#fetchEntry() : plain;
      case '?':
        return inFlow || blankNext ? () => this.#fetchKey() : plain;
      case ':':
        return inFlow || blankNext ? () => this.#fetchValue() : plain;
      case '%':
      case '@':
      case '`':
      case '\t':
      case '#':
        return undefined;
      default:
        return plain;
    }
  }

  #skipToToken(): void {
    const cursor = this.#cursor;
    for (;;) {
      if (cursor.column === 0 && cursor.peek() === '\ufeff') cursor.skip();
      while (cursor.peek() === ' ' || ((this.#inFlow || !this.#keyAllowed) && cursor.peek() === '\t')) cursor.skip();
      if (cursor.peek() === '#') while (!isBreakOrEnd(cursor.peek())) cursor.skip();
      if (!isBreak(cursor.peek())) return;
      cursor.takeBreak();
      if (!this.#inFlow) this.#keyAllowed = true;
    }
  }

  #mark(type: MarkTokenType, length: number): void {
    const start = this.#cursor.offset;
    this.#cursor.skip(length);
    this.#queue.push({ type, start, end: start + length });
  }

  #rememberKey(): void {
    const { offset, line, column } = this.#cursor;
    if (!this.#keyAllowed) return;
    this.#forgetKey();
    const required = !this.#inFlow && this.#indent === column;
    this.#keys[this.#keys.length - 1] = {
      required,
      tokenNumber: this.#taken + this.#queue.length,
      offset,
      line,
      column,
    };
  }

  #forgetKey(): void {
    const key = this.#keys.at(-1);
    if (key?.required) throw missingColon(key, this.#cursor.offset);
    this.#keys[this.#keys.length - 1] = undefined;
  }

  /** Opens a block collection at `column` unless one is open there; `at` is the token it goes before. */
  #roll(column: number, type: MarkTokenType, offset: number, at = this.#queue.length): void {
    if (this.#inFlow || this.#indent >= column) return;
    this.#indents.push(this.#indent);
    this.#indent = column;
    this.#queue.splice(at, 0, { type, start: offset, end: offset });
  }

  #unroll(column: number): void {
    if (this.#inFlow) return;
    const { offset } = this.#cursor;
    while (this.#indent > column) {
      this.#queue.push({ type: 'block-end', start: offset, end: offset });
      this.#indent = this.#indents.pop()!;
    }
  }

  #leaveBlocks(): void {
    this.#unroll(-1);
    this.#forgetKey();
    this.#keyAllowed = false;
  }

  #fetchEnd(): void {
    // An open key at the very end lacks its colon as much as one at the end of a line.
    this.#cursor.line += 1;
    this.#leaveBlocks();
    this.#mark('stream-end', 0);
    this.#ended = true;
  }

  #fetchDocumentIndicator(type: 'document-start' | 'document-end'): void {
    this.#leaveBlocks();
    this.#mark(type, 3);
  }

  #fetchComma(): void {
    this.#forgetKey();
    this.#keyAllowed = true;
    this.#mark('flow-entry', 1);
  }

  #fetchTag(): void {
    this.#rememberKey();
    this.#keyAllowed = false;
    this.#queue.push(this.#scanTag());
  }

  #openFlow(type: MarkTokenType): void {
    this.#rememberKey();
    this.#keys.push(undefined);
    this.#keyAllowed = true;
    this.#mark(type, 1);
  }

  #closeFlow(type: MarkTokenType): void {
    this.#forgetKey();
    if (this.#inFlow) this.#keys.pop();
    this.#keyAllowed = false;
    this.#mark(type, 1);
  }

  #fetchEntry(): void {
    const { offset, column } = this.#cursor;
    if (!this.#inFlow) {
      if (!this.#keyAllowed) throw new YamlSyntaxError("a list item ('- ') cannot begin here", offset);
      this.#roll(column, 'block-sequence-start', offset);
    }
    this.#forgetKey();
    this.#keyAllowed = true;
    this.#mark('block-entry', 1);
  }

  #fetchKey(): void {
    const { offset, column } = this.#cursor;
    if (!this.#inFlow) {
      if (!this.#keyAllowed) throw new YamlSyntaxError("a key ('? ') cannot begin here", offset);
      this.#roll(column, 'block-mapping-start', offset);
    }
    this.#forgetKey();
    this.#keyAllowed = !this.#inFlow;
    this.#mark('key', 1);
  }

  #fetchValue(): void {
    const { offset, column } = this.#cursor;
    const key = this.#keys.at(-1);
    if (key) {
      const at = key.tokenNumber - this.#taken;
      this.#queue.splice(at, 0, { type: 'key', start: key.offset, end: key.offset });
      this.#roll(key.column, 'block-mapping-start', key.offset, at);
      this.#keys[this.#keys.length - 1] = undefined;
      this.#keyAllowed = false;
    } else {
      if (!this.#inFlow) {
        if (!this.#keyAllowed) throw new YamlSyntaxError("a 'key: value' cannot begin here", offset);
        this.#roll(column, 'block-mapping-start', offset);
      }
      this.#keyAllowed = !this.#inFlow;
    }
    this.#mark('value', 1);
  }

  #fetchName(type: 'alias' | 'anchor'): void {
    const cursor = this.#cursor;
    this.#rememberKey();
    this.#keyAllowed = false;
    const start = cursor.offset;
    cursor.skip();
    const name = this.#takeMatch(WORD);
    const next = cursor.peek();
    if (name === '' || !(isBlankOrEnd(next) || '?:,]}%@`'.includes(next)))
      throw new YamlSyntaxError(`'${cursor.text.charAt(start)}' cannot begin a value unless a name follows`, start);
    this.#queue.push({ type, name, start, end: cursor.offset });
  }

  #fetchQuoted(quote: "'" | '"'): void {
    const cursor = this.#cursor;
    this.#rememberKey();
    this.#keyAllowed = false;
    const start = cursor.offset;
    const value = scanQuoted(cursor, quote);
    this.#queue.push({ type: 'scalar', value, style: quote === "'" ? 'single' : 'double', start, end: cursor.offset });
  }

  #fetchBlock(): void {
    const cursor = this.#cursor;
    this.#forgetKey();
    this.#keyAllowed = true;
    const start = cursor.offset;
    const style = cursor.peek() === '|' ? 'literal' : 'folded';
    const value = scanBlock(cursor, this.#indent);
    this.#queue.push({ type: 'scalar', value, style, start, end: cursor.offset });
  }

  #fetchPlain(): void {
    const cursor = this.#cursor;
    this.#rememberKey();
    this.#keyAllowed = false;
    const start = cursor.offset;
    const { value, end, broken } = scanPlain(cursor, this.#indent + 1, this.#inFlow);
    if (broken) this.#keyAllowed = true;
    this.#queue.push({ type: 'scalar', value, style: 'plain', start, end });
  }

  #takeMatch(pattern: RegExp): string {
    pattern.lastIndex = this.#cursor.offset;
    const found = pattern.exec(this.#cursor.text)?.[0] ?? '';
    this.#cursor.skip(found.length);
    return found;
  }

  #scanTag(): Token {
    const cursor = this.#cursor;
    const start = cursor.offset;
    const fail = (problem: string) => new YamlSyntaxError(problem, cursor.offset, { what: 'a tag', offset: start });
    let handle = '';
    let suffix: string;
    if (cursor.peek(1) === '<') {
      cursor.skip(2);
      suffix = this.#takeMatch(VERBATIM_URI);
      if (suffix === '' || cursor.peek() !== '>') throw fail("a tag written '!<…>' must be closed by '>'");
      cursor.skip();
    } else {
      cursor.skip();
      const word = this.#takeMatch(WORD);
      if (cursor.peek() === '!') {
        cursor.skip();
        handle = `!${word}!`;
        suffix = this.#takeMatch(URI);
        if (suffix === '') throw fail(`a name must follow ${handle}`);
      } else {
        handle = '!';
        suffix = word + this.#takeMatch(URI);
        // A lone '!' is the tag '!' itself.
        if (suffix === '') [handle, suffix] = ['', '!'];
      }
    }
    if (!isBlankOrEnd(cursor.peek()) && !(this.#inFlow && cursor.peek() === ','))
      throw fail('a tag must be followed by a space');
    return { type: 'tag', handle, suffix: decodeUri(suffix), start, end: cursor.offset };
  }

  #fetchDirective(): void {
    const cursor = this.#cursor;
    this.#leaveBlocks();
    const start = cursor.offset;
    const fail = (problem: string) =>
      new YamlSyntaxError(problem, cursor.offset, { what: 'a directive', offset: start });
    let end = start;
    while (!isBreakOrEnd(cursor.text.charAt(end))) end += 1;
    const line = cursor.text.slice(start, end);
    const version = /^%YAML[ \t]+(\d{1,9})\.(\d{1,9})[ \t]*(?:#.*)?$/.exec(line);
    const tag = /^%TAG[ \t]+(!(?:[0-9A-Za-z_-]*!)?)[ \t]+([0-9A-Za-z_;/?:@&=+$.!~*'(),[\]%-]+)[ \t]*(?:#.*)?$/.exec(
      line,
    );
    if (!version && !tag) throw fail("a line that begins with '%' must be '%YAML 1.1' or '%TAG handle prefix'");
    cursor.skip(end - start);
    if (version) {
      this.#queue.push({ type: 'version', major: Number(version[1]), minor: Number(version[2]), start, end });
    } else {
      this.#queue.push({ type: 'tag-directive', handle: tag![1]!, prefix: decodeUri(tag![2]!), start, end });
    }
    while (isBlank(cursor.peek())) cursor.skip();
    if (cursor.peek() !== '') cursor.takeBreak();
  }
}

function missingColon(key: SimpleKey, offset: number): YamlSyntaxError {
  return new YamlSyntaxError("a key is not followed by ': '", key.offset, { what: 'a key', offset });
}

function decodeUri(text: string): string {
  return text.includes('%')
    ? Buffer.from(
        text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      ).toString('utf8')
    : text;
}
