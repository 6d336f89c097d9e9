import { analyzeScalar, isPrintable, type ScalarAnalysis } from './analyze.ts';
import { isBreak } from './cursor.ts';
import type { EmitNode, EmitScalar } from './represent.ts';

/** The layout of emitted text. */
export interface EmitOptions {
  /** Spaces per level, 2 to 9. */
  readonly indent: number;
  /** Column after which lines are broken; Infinity never breaks them. */
  readonly width: number;
  /** False escapes everything beyond ASCII. */
  readonly allowUnicode: boolean;
  /** Begins with `---`. */
  readonly explicitStart: boolean;
  /** Ends with `...`. */
  readonly explicitEnd: boolean;
}

/** Where a node stands; decides how it may be laid out. */
type Role = 'root' | 'item' | 'value' | 'key';
type Quotes = 'plain' | 'single' | 'double' | 'literal';

const LONGEST_SIMPLE_KEY = 128;

/** Writes one document, laid out as libyaml 0.2.5 does. */
export function emit(root: EmitNode, options: EmitOptions): string {
  const emitter = new Emitter(options);
  return emitter.document(root);
}

class Emitter {
  readonly #options: EmitOptions;
  readonly #out: string[] = [];
  #column = 0;
  #indent = -1;
  #flowLevel = 0;
  /** The last thing written was white space, so none is needed before the next. */
  #whitespace = true;
  /** Only indentation and list markers stand on this line so far. */
  #indention = true;

  constructor(options: EmitOptions) {
    this.#options = options;
  }

  document(root: EmitNode): string {
    if (this.#options.explicitStart) this.#indicator('---', {});
    this.#node(root, 'root');
    this.#writeIndent();
    if (this.#options.explicitEnd) {
      this.#indicator('...', {});
      this.#writeIndent();
    }
    return this.#out.join('');
  }

  #node(node: EmitNode, role: Role): void {
    switch (node.kind) {
      case 'alias':
        this.#indicator('*', { space: true });
        this.#put(node.name);
        if (role === 'key') this.#put(' ');
        break;
      case 'scalar':
        this.#scalar(node, role);
        break;
      case 'sequence':
        this.#properties(node);
        if (this.#flowLevel > 0 || node.flow || node.items.length === 0) this.#flowSequence(node.items);
        else this.#blockSequence(node.items, role);
        break;
      case 'mapping':
        this.#properties(node);
        if (this.#flowLevel > 0 || node.flow || node.pairs.length === 0) this.#flowMapping(node.pairs);
        else this.#blockMapping(node.pairs);
        break;
    }
  }

  #properties(node: { readonly anchor?: string; readonly tag?: string }): void {
    for (const word of [node.anchor && `&${node.anchor}`, node.tag]) {
      if (word) this.#indicator(word, { space: true });
    }
  }

  #indented(options: { readonly flow?: boolean; readonly indentless?: boolean }, write: () => void): void {
    const outer = this.#indent;
    if (outer < 0) this.#indent = options.flow ? this.#options.indent : 0;
    else if (!options.indentless) this.#indent += this.#options.indent;
    write();
    this.#indent = outer;
  }

  #breakLongLine(): void {
    if (this.#column > this.#options.width) this.#writeIndent();
  }

  #flowSequence(items: readonly EmitNode[]): void {
    this.#flow('[', ']', items, (item) => this.#node(item, 'item'));
  }

  #flowMapping(pairs: readonly (readonly [EmitNode, EmitNode])[]): void {
    this.#flow('{', '}', pairs, ([key, value]) => {
      if (isSimpleKey(key)) {
        this.#node(key, 'key');
        this.#indicator(':', {});
      } else {
        this.#indicator('?', { space: true });
        this.#node(key, 'value');
        this.#breakLongLine();
        this.#indicator(':', { space: true });
      }
      this.#node(value, 'value');
    });
  }

  #flow<T>(open: string, close: string, parts: readonly T[], write: (part: T) => void): void {
    this.#indicator(open, { space: true, isSpace: true });
    this.#flowLevel += 1;
    this.#indented({ flow: true }, () => {
      for (const [index, part] of parts.entries()) {
        if (index > 0) this.#indicator(',', {});
        this.#breakLongLine();
        write(part);
      }
    });
    this.#flowLevel -= 1;
    this.#indicator(close, {});
  }

  #blockSequence(items: readonly EmitNode[], role: Role): void {
    this.#indented({ indentless: role === 'value' && !this.#indention }, () => {
      for (const item of items) {
        this.#writeIndent();
        this.#indicator('-', { space: true, isIndention: true });
        this.#node(item, 'item');
      }
    });
  }

  #blockMapping(pairs: readonly (readonly [EmitNode, EmitNode])[]): void {
    this.#indented({}, () => {
      for (const [key, value] of pairs) {
        this.#writeIndent();
        if (isSimpleKey(key)) {
          this.#node(key, 'key');
          this.#indicator(':', {});
        } else {
          this.#indicator('?', { space: true, isIndention: true });
          this.#node(key, 'value');
          this.#writeIndent();
          this.#indicator(':', { space: true, isIndention: true });
        }
        this.#node(value, 'value');
      }
    });
  }

  #scalar(node: EmitScalar, role: Role): void {
    const quotes = this.#chooseQuotes(node, role);
    const lostType = !node.tag && !node.quotedAllowed && quotes !== 'plain';
    this.#properties(lostType ? { ...node, tag: '!' } : node);
    const mayBreak = role !== 'key';
    this.#indented({ flow: true }, () => {
      switch (quotes) {
        case 'plain':
          this.#plain(node.text, mayBreak);
          break;
        case 'single':
          this.#singleQuoted(node.text, mayBreak);
          break;
        case 'double':
          this.#doubleQuoted(node.text, mayBreak);
          break;
        case 'literal':
          this.#literal(node.text);
          break;
      }
    });
  }

  #chooseQuotes(node: EmitScalar, role: Role): Quotes {
    const analysis = analyzeScalar(node.text, this.#options.allowUnicode);
    const inFlow = this.#flowLevel > 0;
    if (role === 'key' && analysis.multiline) return 'double';
    if (node.literal) return analysis.block && !inFlow && role !== 'key' ? 'literal' : 'double';
    if (this.#plainFits(node, analysis, inFlow || role === 'key')) return 'plain';
    return analysis.singleQuoted ? 'single' : 'double';
  }

  #plainFits(node: EmitScalar, analysis: ScalarAnalysis, mustShow: boolean): boolean {
    if (!(this.#flowLevel > 0 ? analysis.plainInFlow : analysis.plainInBlock)) return false;
    return node.plainAllowed && !(node.text === '' && mustShow);
  }

  /** Writes a line break and the indentation, unless the line is just that already. */
  #writeIndent(): void {
    const indent = Math.max(this.#indent, 0);
    if (!this.#indention || this.#column > indent || (this.#column === indent && !this.#whitespace))
      this.#lineBreak('\n');
    if (this.#column < indent) this.#put(' '.repeat(indent - this.#column));
    this.#whitespace = true;
    this.#indention = true;
  }

  #lineBreak(char: string): void {
    this.#out.push(char);
    this.#column = 0;
  }

  #put(text: string): void {
    this.#out.push(text);
    this.#column += text.length;
  }

  #indicator(
    text: string,
    options: { readonly space?: boolean; readonly isSpace?: boolean; readonly isIndention?: boolean },
  ): void {
    if (options.space && !this.#whitespace) this.#put(' ');
    this.#put(text);
    this.#whitespace = options.isSpace ?? false;
    this.#indention = this.#indention && (options.isIndention ?? false);
  }

  #plain(text: string, mayBreak: boolean): void {
    if (!this.#whitespace && (text !== '' || this.#flowLevel > 0)) this.#put(' ');
    this.#words(text, mayBreak, { edges: true });
    this.#whitespace = false;
    this.#indention = false;
  }

  #singleQuoted(text: string, mayBreak: boolean): void {
    this.#indicator("'", { space: true });
    this.#words(text.replaceAll("'", "''"), mayBreak, { edges: false });
    this.#indicator("'", {});
    this.#whitespace = false;
    this.#indention = false;
  }

  /** Text with folded spaces and, in quotes, with line breaks doubled so that they are read back as one. */
  #words(text: string, mayBreak: boolean, fold: { readonly edges: boolean }): void {
    const { width } = this.#options;
    let afterSpace = false;
    let afterBreak = false;
    for (let at = 0; at < text.length; at += 1) {
      const char = text.charAt(at);
      if (char === ' ') {
        const inside = fold.edges || (at > 0 && at < text.length - 1);
        if (mayBreak && !afterSpace && this.#column > width && inside && text.charAt(at + 1) !== ' ')
          this.#writeIndent();
        else this.#put(char);
        afterSpace = true;
      } else if (isBreak(char)) {
        if (!afterBreak && char === '\n') this.#lineBreak('\n');
        this.#lineBreak(char);
        this.#indention = true;
        afterBreak = true;
      } else {
        if (afterBreak) this.#writeIndent();
        this.#put(char);
        this.#indention = false;
        afterSpace = false;
        afterBreak = false;
      }
    }
    if (afterBreak) this.#writeIndent();
  }

  #doubleQuoted(text: string, mayBreak: boolean): void {
    const { width, allowUnicode } = this.#options;
    this.#indicator('"', { space: true });
    let afterSpace = false;
    for (let at = 0; at < text.length; ) {
      const char = String.fromCodePoint(text.codePointAt(at)!);
      const last = at + char.length >= text.length;
      if (char === ' ' && mayBreak && !afterSpace && this.#column > width && at > 0 && !last) {
        this.#writeIndent();
        if (text.charAt(at + 1) === ' ') this.#put('\\');
        afterSpace = true;
      } else {
        const asItIs = isPrintable(char) && (allowUnicode || char <= '\x7f') && !isBreak(char) && !'"\\'.includes(char);
        this.#put(asItIs ? char : escaped(char));
        afterSpace = char === ' ';
      }
      at += char.length;
    }
    this.#indicator('"', {});
    this.#whitespace = false;
    this.#indention = false;
  }

  /** Only base64 comes here: it never begins with a space and always ends in one line break. */
  #literal(text: string): void {
    this.#indicator('|', { space: true });
    this.#lineBreak('\n');
    this.#indention = true;
    this.#whitespace = true;
    for (const line of text.split('\n').slice(0, -1)) {
      this.#writeIndent();
      this.#put(line);
      this.#lineBreak('\n');
      this.#indention = true;
      this.#whitespace = true;
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\u0085': 'N',
  '\u00a0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
};

function escaped(char: string): string {
  const short = ESCAPES[char];
  if (short !== undefined) return `\\${short}`;
  const code = char.codePointAt(0)!;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** Short, on one line, and not a container with anything in it. */
function isSimpleKey(node: EmitNode): boolean {
  switch (node.kind) {
    case 'alias':
      return true;
    case 'scalar': {
      if (/[\n\r\u0085\u2028\u2029]/.test(node.text)) return false;
      const length = Buffer.byteLength(node.text) + (node.anchor?.length ?? 0) + (node.tag?.length ?? 0);
      return length <= LONGEST_SIMPLE_KEY;
    }
    case 'sequence':
      return node.items.length === 0;
    case 'mapping':
      return node.pairs.length === 0;
  }
}
