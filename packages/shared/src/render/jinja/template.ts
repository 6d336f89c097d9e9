import nunjucksEnvironment, { type Template } from 'nunjucks/src/environment.js';
import { generate, type TextPiece } from './compile/compiler.ts';
import type { Names } from './compile/expressions.ts';
import type { BlockFunction } from './runtime/context.ts';
import { runtime } from './runtime/index.ts';
import type { SyntaxFault } from './syntax/error.ts';
import { type LexerOptions, normalizeSource, tokenize } from './syntax/lexer.ts';
import { parseTemplate } from './syntax/parser.ts';

const MOST_FAULTS = 10;

/** What a template is compiled with. */
export interface CompileOptions {
  readonly names: Names;
  readonly lexer: LexerOptions;
}

/** A piece of text and the template it is in. */
export interface OriginPiece extends TextPiece {
  readonly template: JinjaTemplate;
}

/** The text of a template does not parse. */
export class TemplateSyntaxFaults extends Error {
  readonly faults: readonly SyntaxFault[];
  readonly template: JinjaTemplate;

  constructor(faults: readonly SyntaxFault[], template: JinjaTemplate) {
    super(faults[0]!.message);
    this.faults = faults;
    this.template = template;
  }
}

/** Characters from which a text takes long enough to compile for others to have their turn meanwhile. */
const LONG_TEXT = 20_000;

type Factory = (
  R: typeof runtime,
  K: readonly unknown[],
  T: JinjaTemplate,
) => { root: BlockFunction; blocks: Map<string, BlockFunction> };

/** A template compiled once and run many times; it keeps nothing of a render. */
export class JinjaTemplate extends (nunjucksEnvironment.Template as typeof Template) {
  /** Renders the whole template. */
  declare root: BlockFunction;
  declare blocks: ReadonlyMap<string, BlockFunction>;
  /** The text by lines, for messages. */
  declare lines: readonly string[];
  /** The pieces of its text, to which the marks of rendered text point. */
  declare pieces: readonly OriginPiece[];
  declare private options: CompileOptions;

  override init(source: string, options: CompileOptions, path: string): void {
    this.tmplStr = source;
    this.path = path;
    this.options = options;
    this.compiled = false;
    this.lines = [];
  }

  /** Called by nunjucks on first use. @throws TemplateSyntaxFaults */
  override _compile(): void {
    for (const _ of this.#phases());
  }

  /** Compiles it if need be; between the phases of a long text others have their `turn`. @throws TemplateSyntaxFaults */
  async prepare(turn: () => Promise<void>): Promise<void> {
    if (this.compiled) return;
    if (this.tmplStr.length < LONG_TEXT) this.compile();
    else for (const _ of this.#phases()) await turn();
  }

  *#phases(): Generator<void> {
    const source = normalizeSource(this.tmplStr);
    this.lines = source.split('\n');
    const tokens = tokenize(source, this.options.lexer);
    yield;
    const parsed = parseTemplate(tokens);
    if (!parsed.ok) throw new TemplateSyntaxFaults(parsed.faults, this);
    yield;
    const generated = this.#generate(parsed.body);
    this.pieces = generated.pieces.map((piece) => ({ ...piece, template: this }));
    yield;
    const factory = new Function('R', 'K', 'T', generated.source) as Factory;
    const { root, blocks } = factory(runtime, generated.constants, this);
    this.root = root;
    this.blocks = blocks;
    this.compiled = true;
    yield;
  }

  /** Generates code, or names every filter and test that does not exist. */
  #generate(body: Parameters<typeof generate>[0]): ReturnType<typeof generate> {
    const faults: SyntaxFault[] = [];
    for (let { names } = this.options; ; ) {
      try {
        const generated = generate(body, names);
        if (faults.length === 0) return generated;
        break;
      } catch (error) {
        if (!isSyntaxFault(error)) throw error;
        faults.push(error);
        const unknown = /^(filter|test):(.*)$/s.exec(error.hint);
        if (unknown === null || faults.length === MOST_FAULTS) break;
        names = withName(names, unknown[1] === 'filter' ? 'filters' : 'tests', unknown[2]!);
      }
    }
    throw new TemplateSyntaxFaults(faults, this);
  }
}

/** Names among which the missing one is, so that the next one is found. */
function withName(names: Names, kind: keyof Names, missing: string): Names {
  return { ...names, [kind]: new Map([...names[kind], [missing, { mayWait: false }]]) };
}

function isSyntaxFault(error: unknown): error is SyntaxFault {
  return error instanceof Error && 'position' in error;
}
