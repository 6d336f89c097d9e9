/** The parts of nunjucks this engine is built on; nunjucks ships no types for them. */
declare module 'nunjucks/src/nodes.js' {
  /** A syntax tree node; `fields` of its class name its members. Lines and columns are opaque to nunjucks. */
  export class Node {
    constructor(lineno: number, colno: number, ...fields: unknown[]);
    readonly typename: string;
    readonly fields: readonly string[];
    lineno: number;
    colno: number;
    static extend(name: string, props: { fields?: readonly string[] }): typeof Node;
  }
  /** A list of nodes. */
  export class NodeList extends Node {
    children: Node[];
    addChild(node: Node): void;
  }
  /** The whole template. */
  export class Root extends NodeList {}
  const nodes: {
    Node: typeof Node;
    NodeList: typeof NodeList;
    Root: typeof Root;
    [name: string]: typeof Node;
  };
  export default nodes;
}

declare module 'nunjucks/src/parser.js' {
  import type { Node, NodeList, Root } from 'nunjucks/src/nodes.js';

  /** What nunjucks' parser needs of a token. */
  export interface TokenLike {
    readonly type: string;
    readonly value: string;
    readonly lineno: number;
    readonly colno: number;
  }
  /** Recursive descent over any token source. */
  export class Parser {
    constructor(tokens: { nextToken(): TokenLike | null });
    init(tokens: { nextToken(): TokenLike | null }): void;
    breakOnBlocks: string[] | null;
    parseUntilBlocks(...names: string[]): NodeList;
    parse(): NodeList;
    parseAsRoot(): Root;
    parseNodes(): Node[];
    parseStatement(): Node | null;
  }
  const parser: { Parser: typeof Parser };
  export default parser;
}

declare module 'nunjucks/src/compiler.js' {
  import type { Node } from 'nunjucks/src/nodes.js';

  /** Emits JavaScript into a buffer, one `compile<Typename>` method per node class. */
  export class Compiler {
    constructor(templateName: string, throwOnUndefined: boolean);
    init(templateName: string, throwOnUndefined: boolean): void;
    codebuf: string[];
    buffer: string | null;
    bufferStack: (string | null)[];
    _emit(code: string): void;
    _emitLine(code: string): void;
    _tmpid(): string;
    _popBuffer(): void;
    compile(node: Node, frame?: unknown): void;
    getCode(): string;
  }
  const compiler: { Compiler: typeof Compiler };
  export default compiler;
}

declare module 'nunjucks/src/environment.js' {
  /** Compiles on first use and keeps the functions of its root and blocks. */
  export class Template {
    constructor(source: string, environment: object, path: string, eager: boolean);
    init(source: string, environment: object, path: string, eager: boolean): void;
    tmplStr: string;
    path: string;
    compiled: boolean;
    compile(): void;
    _compile(): void;
    _getBlocks(props: Readonly<Record<string, unknown>>): Record<string, unknown>;
  }
  const environment: { Template: typeof Template };
  export default environment;
}
