import { resolvePlain, YAML_TAG } from '../../values/index.ts';
import type { YamlNode } from './node.ts';
import { Scanner } from './scanner.ts';
import { type MarkTokenType, type Token, YamlSyntaxError } from './tokens.ts';

type Pair = readonly [YamlNode, YamlNode];

/** Nesting beyond which text is refused rather than the stack overrun; PyYAML's own limit is near 500. */
const DEEPEST = 500;

/**
 * Reads a text of at most one document into nodes; undefined for a text without any.
 *
 * @throws YamlSyntaxError at the first thing that is not YAML 1.1.
 */
export function compose(text: string): YamlNode | undefined {
  return new Composer(text).document();
}

class Composer {
  readonly #scanner: Scanner;
  readonly #anchors = new Map<string, YamlNode | 'open'>();
  readonly #handles = new Map([
    ['!', '!'],
    ['!!', 'tag:yaml.org,2002:'],
  ]);
  #depth = 0;

  constructor(text: string) {
    this.#scanner = new Scanner(text);
  }

  document(): YamlNode | undefined {
    const explicit = this.#directives();
    if (!explicit && this.#at('stream-end')) return undefined;
    const root =
      explicit && this.#at('version', 'tag-directive', 'document-start', 'document-end', 'stream-end')
        ? this.#empty(this.#scanner.peek().start)
        : this.#node({ block: true });
    let closed = false;
    while (this.#at('document-end')) {
      this.#scanner.take();
      closed = true;
    }
    const next = this.#scanner.peek();
    if (next.type === 'stream-end') return root;
    throw new YamlSyntaxError(
      closed || next.type === 'document-start'
        ? 'a second document begins here, only one is allowed'
        : 'this does not belong to anything above it',
      next.start,
    );
  }

  #directives(): boolean {
    let version = false;
    let token = this.#scanner.peek();
    for (; token.type === 'version' || token.type === 'tag-directive'; token = this.#scanner.peek()) {
      this.#scanner.take();
      if (token.type === 'version') {
        if (version) throw new YamlSyntaxError('a second %YAML line', token.start);
        if (token.major !== 1 || token.minor < 1 || token.minor > 2)
          throw new YamlSyntaxError(`YAML ${token.major}.${token.minor} is not known`, token.start);
        version = true;
      } else {
        this.#handles.set(token.handle, token.prefix);
      }
      if (!this.#at('version', 'tag-directive', 'document-start'))
        throw new YamlSyntaxError("a '%' line must be followed by '---'", this.#scanner.peek().start);
    }
    if (token.type !== 'document-start') return false;
    this.#scanner.take();
    return true;
  }

  #at(...types: readonly Token['type'][]): boolean {
    return types.includes(this.#scanner.peek().type);
  }

  #empty(offset: number): YamlNode {
    return { kind: 'scalar', tag: YAML_TAG.null, value: '', start: offset, end: offset };
  }

  /** `indentless`: a list may stand at the indentation of the key it belongs to. */
  #node(where: { readonly block: boolean; readonly indentless?: boolean }): YamlNode {
    const first = this.#scanner.peek();
    if (first.type === 'alias') {
      this.#scanner.take();
      const target = this.#anchors.get(first.name);
      if (target === undefined) throw new YamlSyntaxError(`nothing above is named &${first.name}`, first.start);
      if (target === 'open') throw new YamlSyntaxError(`*${first.name} stands inside what it names`, first.start);
      return target;
    }
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new YamlSyntaxError(`nested more than ${DEEPEST} deep`, first.start);
    const { anchor, tag } = this.#properties();
    if (anchor !== undefined) this.#anchors.set(anchor, 'open');
    const node = this.#content(where, tag, anchor !== undefined || tag !== undefined, first.start);
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    this.#depth -= 1;
    return node;
  }

  #properties(): { anchor?: string; tag?: string } {
    const found: { anchor?: string; tag?: string } = {};
    for (;;) {
      const token = this.#scanner.peek();
      if (token.type === 'anchor' && found.anchor === undefined) {
        if (this.#anchors.has(token.name)) throw new YamlSyntaxError(`&${token.name} is used twice`, token.start);
        found.anchor = token.name;
      } else if (token.type === 'tag' && found.tag === undefined) {
        found.tag = this.#tagName(token);
      } else {
        return found;
      }
      this.#scanner.take();
    }
  }

  #tagName(token: Extract<Token, { type: 'tag' }>): string {
    if (token.handle === '') return token.suffix;
    const prefix = this.#handles.get(token.handle);
    if (prefix === undefined) throw new YamlSyntaxError(`the tag handle ${token.handle} is not declared`, token.start);
    return prefix + token.suffix;
  }

  #content(
    where: { readonly block: boolean; readonly indentless?: boolean },
    tag: string | undefined,
    hasProperties: boolean,
    start: number,
  ): YamlNode {
    const token = this.#scanner.peek();
    const named = tag === '!' ? undefined : tag;
    if (where.indentless && token.type === 'block-entry') return this.#indentlessSequence(named ?? YAML_TAG.seq, start);
    switch (token.type) {
      case 'scalar': {
        this.#scanner.take();
        const guessed = tag === '!' || token.style === 'plain' ? resolvePlain(token.value) : YAML_TAG.str;
        return { kind: 'scalar', tag: named ?? guessed, value: token.value, start, end: token.end };
      }
      case 'flow-sequence-start':
        return this.#flowSequence(named ?? YAML_TAG.seq, start);
      case 'flow-mapping-start':
        return this.#flowMapping(named ?? YAML_TAG.map, start);
      case 'block-sequence-start':
        if (where.block) return this.#blockSequence(named ?? YAML_TAG.seq, start);
        break;
      case 'block-mapping-start':
        if (where.block) return this.#blockMapping(named ?? YAML_TAG.map, start);
        break;
      default:
        break;
    }
    if (hasProperties) {
      return {
        kind: 'scalar',
        tag: tag === '!' ? YAML_TAG.str : (tag ?? YAML_TAG.null),
        value: '',
        start,
        end: token.start,
      };
    }
    throw new YamlSyntaxError(`${describe(token)} where a value belongs`, token.start, {
      what: 'a value',
      offset: start,
    });
  }

  #blockSequence(tag: string, start: number): YamlNode {
    this.#scanner.take();
    const items: YamlNode[] = [];
    while (this.#at('block-entry')) {
      const entry = this.#scanner.take();
      items.push(this.#at('block-entry', 'block-end') ? this.#empty(entry.end) : this.#node({ block: true }));
    }
    const { end } = this.#close('block-end', "a list item ('- ')", 'a list', start);
    return { kind: 'sequence', tag, items, start, end };
  }

  #indentlessSequence(tag: string, start: number): YamlNode {
    const items: YamlNode[] = [];
    let end = start;
    while (this.#at('block-entry')) {
      end = this.#scanner.take().end;
      items.push(this.#at('block-entry', 'key', 'value', 'block-end') ? this.#empty(end) : this.#node({ block: true }));
    }
    return { kind: 'sequence', tag, items, start, end };
  }

  #blockMapping(tag: string, start: number): YamlNode {
    this.#scanner.take();
    const pairs: Pair[] = [];
    const member = (offset: number) =>
      this.#at('key', 'value', 'block-end') ? this.#empty(offset) : this.#node({ block: true, indentless: true });
    while (this.#at('key')) {
      const key = member(this.#scanner.take().end);
      pairs.push([key, this.#at('value') ? member(this.#scanner.take().end) : this.#empty(key.end)]);
    }
    const { end } = this.#close('block-end', 'a key', 'a mapping', start);
    return { kind: 'mapping', tag, pairs, start, end };
  }

  #flowSequence(tag: string, start: number): YamlNode {
    this.#scanner.take();
    const items: YamlNode[] = [];
    while (!this.#at('flow-sequence-end')) {
      if (items.length > 0) this.#separator("',' or ']'", 'a list in brackets', start);
      if (this.#at('key')) items.push(this.#flowPair());
      else if (!this.#at('flow-sequence-end')) items.push(this.#node({ block: false }));
    }
    return { kind: 'sequence', tag, items, start, end: this.#scanner.take().end };
  }

  /** `[a: 1]` holds a mapping of one pair. */
  #flowPair(): YamlNode {
    const { start, end } = this.#scanner.take();
    const key = this.#at('value', 'flow-entry', 'flow-sequence-end') ? this.#empty(end) : this.#node({ block: false });
    const value = this.#flowValue(key, 'flow-sequence-end');
    return { kind: 'mapping', tag: YAML_TAG.map, pairs: [[key, value]], start, end: value.end };
  }

  #flowMapping(tag: string, start: number): YamlNode {
    this.#scanner.take();
    const pairs: Pair[] = [];
    while (!this.#at('flow-mapping-end')) {
      if (pairs.length > 0) this.#separator("',' or '}'", 'a mapping in braces', start);
      if (this.#at('key')) {
        const { end } = this.#scanner.take();
        const key = this.#at('value', 'flow-entry', 'flow-mapping-end')
          ? this.#empty(end)
          : this.#node({ block: false });
        pairs.push([key, this.#flowValue(key, 'flow-mapping-end')]);
      } else if (!this.#at('flow-mapping-end')) {
        const key = this.#node({ block: false });
        pairs.push([key, this.#empty(key.end)]);
      }
    }
    return { kind: 'mapping', tag, pairs, start, end: this.#scanner.take().end };
  }

  #flowValue(key: YamlNode, closing: MarkTokenType): YamlNode {
    if (!this.#at('value')) return this.#empty(key.end);
    const { end } = this.#scanner.take();
    return this.#at('flow-entry', closing) ? this.#empty(end) : this.#node({ block: false });
  }

  #separator(wanted: string, what: string, start: number): void {
    this.#close('flow-entry', wanted, what, start);
  }

  #close(type: MarkTokenType, wanted: string, what: string, start: number): Token {
    const token = this.#scanner.peek();
    if (token.type === type) return this.#scanner.take();
    throw new YamlSyntaxError(`${describe(token)} where ${wanted} belongs`, token.start, { what, offset: start });
  }
}

function describe(token: Token): string {
  switch (token.type) {
    case 'stream-end':
      return 'the end of the text';
    case 'document-start':
    case 'document-end':
      return 'a document separator';
    case 'scalar':
      return 'text';
    case 'block-end':
      return 'a change of indentation';
    case 'block-entry':
      return "'- '";
    case 'value':
      return "':'";
    case 'flow-entry':
      return "','";
    case 'block-mapping-start':
      return 'a key of another indentation';
    case 'block-sequence-start':
      return 'a list of another indentation';
    case 'flow-sequence-end':
      return "']'";
    case 'flow-mapping-end':
      return "'}'";
    default:
      return `a ${token.type.replaceAll('-', ' ')}`;
  }
}
