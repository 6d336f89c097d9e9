import type { Node } from 'nunjucks/src/nodes.js';
import { SyntaxFault } from '../syntax/error.ts';
import type {
  AssignBlockNode,
  AssignNode,
  AutoescapeNode,
  BlockNode,
  Body,
  CallBlockNode,
  DoNode,
  Expression,
  ExtendsNode,
  FilterBlockNode,
  ForNode,
  FromImportNode,
  IfNode,
  ImportNode,
  IncludeNode,
  MacroNode,
  Parameter,
  PrintNode,
  Target,
  TextNode,
  WithNode,
} from '../syntax/nodes.ts';
import { ExpressionCompiler, type Frame, innerFrame, type Names, rootFrame } from './expressions.ts';
import { attributesRead, blocksOf, Identifiers, readsUndeclared } from './scope.ts';

/** A piece of a template's text: its line and the line feeds in it. */
export interface TextPiece {
  readonly line: number;
  readonly feeds: number;
}

/** Generated code and what it refers to. */
export interface Generated {
  /** The body of a function of `R` (runtime), `K` (constants) and `T` (the template) that answers root and blocks. */
  readonly source: string;
  readonly constants: readonly unknown[];
  readonly pieces: readonly TextPiece[];
}

/** What a loop may read of `loop` while its items are still being filtered one by one. */
const LAZY_LOOP = new Set(['index', 'index0', 'first', 'depth', 'depth0', 'cycle', 'changed', 'previtem']);

const NAMES_A_VALUE = new Set(['Name', 'Attribute', 'Condition', 'Logic', 'List', 'Mapping', 'Tuple']);

/** Turns a parsed template into the source of async JavaScript functions. @throws SyntaxFault on what cannot mean anything. */
export function generate(body: Body, names: Names): Generated {
  const compiler = new StatementCompiler('template', false);
  return compiler.generate(body, names);
}

class StatementCompiler extends ExpressionCompiler {
  declare private pieces: TextPiece[];
  /** The buffer that got a mark last. */
  declare private markedBuffer: string;
  /** The line that buffer had come to. */
  declare private markedLine: number;
  declare private extendsSeen: 'no' | 'maybe' | 'yes';
  declare private isBlock: boolean;

  generate(body: Body, names: Names): Generated {
    this.names = names;
    this.identifiers = new Identifiers();
    this.constants = [];
    this.constantsAt = new Map();
    this.pieces = [];
    this.markedBuffer = '';
    this.markedLine = 0;
    this.temps = [];
    this.extendsSeen = 'no';
    this.isBlock = false;
    const blocks = new Map<string, BlockNode>();
    for (const block of blocksOf(body)) {
      if (blocks.has(block.name)) {
        const position = { line: block.lineno, column: block.colno };
        throw new SyntaxFault(`block '${block.name}' defined twice`, position, 'assertion');
      }
      blocks.set(block.name, block);
    }
    const hasExtends = body.some(({ typename }) => typename === 'ExtendsTag') || containsExtends(body);
    this._emitLine(`"use strict";const P=T.pieces,W=R.effort;const root=${this.#rootFunction(body, hasExtends)};`);
    const entries: string[] = [];
    for (const [name, block] of blocks) entries.push(`[${JSON.stringify(name)},${this.#blockFunction(block)}]`);
    this._emitLine(`return {root,blocks:new Map([${entries.join(',')}])};`);
    return { source: this.getCode(), constants: this.constants, pieces: this.pieces };
  }

  #rootFunction(body: Body, hasExtends: boolean): string {
    return this.#function('async(E,C)=>', (buffers) => {
      const frame = rootFrame(this.identifiers, buffers, true);
      this.#implicitNames(frame, body, ['self'], 'R.selfOf(C)');
      frame.scope.readBody(body);
      if (hasExtends) this._emitLine('let parent;');
      this.#enter(frame);
      this.#statements(body, frame);
      const own = `{text:${buffers.out},marks:${buffers.marks}}`;
      this._emitLine(
        hasExtends ? `if(parent!==undefined)return await parent.root(E,C);return ${own};` : `return ${own};`,
      );
    });
  }

  #blockFunction(block: BlockNode): string {
    const seen = this.extendsSeen;
    this.extendsSeen = 'no';
    this.isBlock = true;
    const code = this.#function('async function self(E,C)', (buffers) => {
      const frame = { ...rootFrame(this.identifiers, buffers, false), toplevel: false };
      this.#implicitNames(frame, block.body, ['self'], 'R.selfOf(C)');
      this.#implicitNames(frame, block.body, ['super'], `C.superOf(${JSON.stringify(block.name)},self)`);
      frame.scope.readBody(block.body);
      this.#enter(frame);
      if (block.required) this._emitLine(`E.requiredBlock(${JSON.stringify(block.name)});`);
      this.#statements(block.body, frame);
      this._emitLine(`return {text:${buffers.out},marks:${buffers.marks}};`);
    });
    this.extendsSeen = seen;
    this.isBlock = false;
    return code;
  }

  #implicitNames(frame: Frame, body: Body, names: readonly string[], value: string): void {
    for (const name of names) {
      if (readsUndeclared(body, name)) this._emitLine(`const ${frame.scope.parameter(name)}=${value};`);
    }
  }

  /** A function with its own buffer, position and temporaries; its faults name this template and the last place. */
  #function(head: string, write: (buffers: { out: string; marks: string }) => void): string {
    const outerTemps = this.temps;
    this.temps = [];
    const buffers = { out: this.identifiers.next(), marks: this.identifiers.next() };
    const body = this.capture(() => write(buffers));
    const temps = ['p=0', 't', ...this.temps, `${buffers.out}=""`, `${buffers.marks}=[]`];
    this.temps = outerTemps;
    return `(${head}{let ${temps.join(',')};try{${body}}catch(e){throw E.trace(e,T,p);}})`;
  }

  /** Writes the variables a frame begins with. */
  #enter(frame: Frame): void {
    for (const [variable, load] of frame.scope.loads) {
      if (load.kind === 'resolve') this._emitLine(`let ${variable}=C.resolve(${JSON.stringify(load.name)});`);
      else if (load.kind === 'alias') this._emitLine(`let ${variable}=${load.of};`);
      else if (load.kind === 'missing') this._emitLine(`let ${variable};`);
    }
  }

  #statements(body: Body, frame: Frame): void {
    for (const statement of body) this.compile(statement, frame);
  }

  #write(frame: Frame, code: string): void {
    if (this.extendsSeen === 'maybe' && frame.toplevel) this._emitLine(`if(parent===undefined){${code}}`);
    else if (!(this.extendsSeen === 'yes' && frame.toplevel)) this._emitLine(code);
  }

  protected compileText(node: TextNode, frame: Frame): void {
    const feeds = node.text.split('\n').length - 1;
    const text = `${frame.out}+=${JSON.stringify(node.text)};`;
    // A piece that goes on with the line of the last mark needs none.
    if (feeds === 0 && this.markedBuffer === frame.out && this.markedLine === node.lineno) {
      this.#write(frame, text);
      return;
    }
    this.markedBuffer = frame.out;
    this.markedLine = node.lineno + feeds;
    const index = this.pieces.push({ line: node.lineno, feeds }) - 1;
    this.#write(frame, `${frame.marks}.push(${frame.out}.length,P[${index}]);${text}`);
  }

  protected compilePrint(node: PrintNode, frame: Frame): void {
    const { value } = node;
    const code = this.code(value, frame);
    const at = `${this.at(value)};`;
    const { out, marks } = frame;
    // Operations and calls look after the event loop themselves.
    const rest = NAMES_A_VALUE.has(value.typename) ? 'if(W.left<0)await E.rest();' : '';
    if (frame.autoescape) this.#write(frame, `${at}${out}+=E.escaped(${code});${rest}`);
    else if (value.typename === 'Call') {
      const text = `t===E.lastText?E.splice(${marks},${out}.length):R.print(t)`;
      this.#write(frame, `${at}t=${code};${out}+=${text};${rest}`);
    } else this.#write(frame, `${at}${out}+=R.print(${code});${rest}`);
  }

  protected compileDoTag(node: DoNode, frame: Frame): void {
    this._emitLine(`${this.at(node)};${this.code(node.value, frame)};`);
  }

  protected compileBranch(node: IfNode, frame: Frame): void {
    const soft: Frame = { ...frame, rootlevel: false, soft: true };
    const seen = this.extendsSeen;
    const branch = (body: Body): void => {
      this.extendsSeen = seen;
      this._emitLine('{');
      this.#statements(body, soft);
      this._emitLine('}');
    };
    const ends: string[] = [];
    this._emit(`${this.at(node)};if(${this.condition(node.test, soft)})`);
    branch(node.body);
    ends.push(this.extendsSeen);
    for (const elif of node.elifs) {
      this._emit(`else if((${this.at(elif)},${this.condition(elif.test, soft)}))`);
      branch(elif.body);
      ends.push(this.extendsSeen);
    }
    if (node.otherwise.length > 0) {
      this._emit('else');
      branch(node.otherwise);
      ends.push(this.extendsSeen);
    }
    this.extendsSeen = seen === 'yes' ? 'yes' : ends.some((end) => end !== 'no') ? 'maybe' : 'no';
  }

  protected compileLoop(node: ForNode, frame: Frame): void {
    if (
      assignsLoop(node.target) ||
      node.body.some((inner) => inner.typename === 'Assign' && assignsLoop(inner.target))
    ) {
      const position = { line: node.lineno, column: node.colno };
      throw new SyntaxFault("Can't assign to special loop variable in for-loop target", position, 'assertion');
    }
    const inner = innerFrame(frame, { inLoop: true });
    const extended =
      node.recursive || readsUndeclared(node.body, 'loop') || blocksOf(node.body).some(({ scoped }) => scoped);
    const loop = extended ? inner.scope.parameter('loop') : undefined;
    const read = node.recursive ? undefined : attributesRead(node.body, 'loop');
    const lazy =
      node.test !== undefined && (!extended || (read !== undefined && [...read].every((name) => LAZY_LOOP.has(name))));
    const iter = this.code(node.iter, frame);
    if (!node.recursive) {
      this._emitLine('{');
      this.#loopBody(node, frame, inner, {
        iter: `${this.at(node)},${iter}`,
        loop,
        lazy,
        depth: '0',
        recurse: 'undefined',
      });
      this._emitLine('}');
      return;
    }
    const recurse = this.identifiers.next();
    const code = this.#function('async(i,d)=>', (buffers) => {
      const own = { ...inner, ...buffers };
      this.#loopBody(node, { ...frame, ...buffers, toplevel: false }, own, {
        iter: 'i',
        loop,
        lazy,
        depth: 'd',
        recurse,
      });
      this._emitLine(`return E.finish(${buffers.out},${buffers.marks});`);
    });
    this._emitLine(`const ${recurse}=${code};`);
    this.#write(
      frame,
      `t=await ${recurse}((${this.at(node)},${iter}),0);${frame.out}+=E.splice(${frame.marks},${frame.out}.length);`,
    );
  }

  #loopBody(
    node: ForNode,
    outer: Frame,
    inner: Frame,
    how: { iter: string; loop: string | undefined; lazy: boolean; depth: string; recurse: string },
  ): void {
    const [items, index, item, source, empty] = [1, 2, 3, 4, 5].map(() => this.identifiers.next()) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const { loop } = how;
    this._emitLine(`const ${source}=(${how.iter});let ${items}=R.sequence(${source});`);
    if (node.otherwise.length > 0) this._emitLine(`let ${empty}=true;`);
    if (node.test && !how.lazy) {
      const kept = this.identifiers.next();
      this._emitLine(`const ${kept}=[];for(const ${item} of ${items}){`);
      this.#filterItem(node, outer, item, `${kept}.push(${item});`);
      this._emitLine(`}${items}=${kept};`);
    }
    inner.scope.assignAsParameters(node.target);
    inner.scope.readBody(node.body);
    if (loop) this._emitLine(`const ${loop}=new R.Loop(${items},${how.depth},${how.recurse});`);
    const guard = node.test && !how.lazy ? '' : `R.unchanged(${source},${items},${index});`;
    const start = how.lazy && loop ? `let ${index}x=-1;` : '';
    this._emitLine(
      `${start}for(let ${index}=0;${index}<${items}.length;${index}++){if(--E.fuel<0&&E.tick())await E.turn();${guard}`,
    );
    this._emitLine(`const ${item}=${items}[${index}];`);
    if (node.test && how.lazy) this.#filterItem(node, outer, item, '', 'continue;');
    if (loop) this._emitLine(how.lazy ? `${loop}.step(++${index}x,${item});` : `${loop}.index0=${index};`);
    this.#bindParameters(node.target, item, inner.scope, node);
    this.#enter(inner);
    // The next pass begins where the last one ended, not where the loop was met.
    this.markedBuffer = '';
    this.#statements(node.body, inner);
    if (node.otherwise.length > 0) this._emitLine(`${empty}=false;`);
    this._emitLine('}');
    if (node.otherwise.length === 0) return;
    const other = innerFrame(outer, { out: inner.out, marks: inner.marks, inLoop: outer.inLoop });
    other.scope.readBody(node.otherwise);
    this._emitLine(`if(${empty}){`);
    this.#enter(other);
    this.#statements(node.otherwise, other);
    this._emitLine('}');
  }

  #filterItem(node: ForNode, outer: Frame, item: string, yes: string, no = ''): void {
    const frame = innerFrame(outer);
    frame.scope.assignAsParameters(node.target);
    frame.scope.read(node.test);
    this._emitLine('{');
    this.#bindParameters(node.target, item, frame.scope, node);
    this.#enter(frame);
    const test = this.condition(node.test!, frame);
    this._emitLine(no === '' ? `if(${test}){${yes}}}` : `if(!${test})${no}}`);
  }

  /** Declares the variables of a target and gives them their values. */
  #bindParameters(target: Target, value: string, scope: Frame['scope'], at: Node): void {
    if (target.typename === 'Name') {
      this._emitLine(`let ${scope.find(target.name)}=${value};`);
      return;
    }
    if (target.typename === 'NamespaceRef') return;
    const parts = this.identifiers.next();
    this._emitLine(`const ${parts}=R.unpack(${value},${target.items.length},${this.at(at)});`);
    target.items.forEach((item, index) => {
      this.#bindParameters(item as Target, `${parts}[${index}]`, scope, at);
    });
  }

  protected compileBreakTag(node: Node, frame: Frame): void {
    this.#jump('break', node, frame);
  }

  protected compileContinueTag(node: Node, frame: Frame): void {
    this.#jump('continue', node, frame);
  }

  #jump(word: string, node: Node, frame: Frame): void {
    if (!frame.inLoop)
      throw new SyntaxFault(`'${word}' outside loop`, { line: node.lineno, column: node.colno }, 'assertion');
    this._emitLine(`if(true)${word};`);
  }

  protected compileAssign(node: AssignNode, frame: Frame): void {
    const value = this.code(node.value, frame);
    this._emitLine(`${this.at(node)};`);
    this.#assign(node.target, value, frame, node);
  }

  #assign(target: Target, value: string, frame: Frame, at: Node): void {
    if (target.typename === 'Name') {
      this.#store(target.name, value, frame);
      return;
    }
    if (target.typename === 'NamespaceRef') {
      const variable = frame.scope.find(target.name)!;
      const namespace = `(${variable}===undefined?E.undef(${JSON.stringify(target.name)}):${variable})`;
      this._emitLine(`E.setAttribute(${namespace},${JSON.stringify(target.attribute)},${value},${this.at(at)});`);
      return;
    }
    const parts = this.identifiers.next();
    this._emitLine(`const ${parts}=R.unpack(${value},${target.items.length},${this.at(at)});`);
    target.items.forEach((item, index) => {
      this.#assign(item as Target, `${parts}[${index}]`, frame, at);
    });
  }

  #store(name: string, value: string, frame: Frame): void {
    const variable = frame.scope.find(name)!;
    this._emitLine(`${variable}=${value};`);
    if (frame.toplevel) this._emitLine(`C.export(${JSON.stringify(name)},${variable});`);
  }

  protected compileAssignBlock(node: AssignBlockNode, frame: Frame): void {
    this.#buffered(
      node.body,
      frame,
      (text) => {
        const value = node.filter ? this.filterCode(node.filter, frame, text) : text;
        this._emitLine(`${this.at(node)};`);
        this.#assign(node.target, value, frame, node);
      },
      node.filter,
    );
  }

  protected compileFilterTag(node: FilterBlockNode, frame: Frame): void {
    this.#buffered(
      node.body,
      frame,
      (text, inner) => {
        this._emitLine(`${this.at(node)};`);
        this.#write(frame, `${frame.out}+=R.print(${this.filterCode(node.filter, inner, text)});`);
      },
      node.filter,
    );
  }

  #buffered(
    body: Body,
    frame: Frame,
    then: (text: string, inner: Frame) => void,
    filter: Expression | undefined,
  ): void {
    const buffers = { out: this.identifiers.next(), marks: this.identifiers.next() };
    const inner = innerFrame(frame, buffers);
    inner.scope.read(filter);
    inner.scope.readBody(body);
    this._emitLine(`{let ${buffers.out}="",${buffers.marks}=[];`);
    this.#enter(inner);
    this.#statements(body, inner);
    then(frame.autoescape ? `E.safe(${buffers.out})` : buffers.out, inner);
    this._emitLine('}');
  }

  protected compileWithTag(node: WithNode, frame: Frame): void {
    const inner = innerFrame(frame);
    for (const target of node.targets) inner.scope.assignAsParameters(target);
    inner.scope.readBody(node.body);
    this._emitLine(`{${this.at(node)};`);
    const values = node.values.map((value) => {
      const kept = this.identifiers.next();
      this._emitLine(`const ${kept}=${this.code(value, frame)};`);
      return kept;
    });
    node.targets.forEach((target, index) => {
      this.#bindParameters(target, values[index]!, inner.scope, node);
    });
    this.#enter(inner);
    this.#statements(node.body, inner);
    this._emitLine('}');
  }

  protected compileAutoescapeTag(node: AutoescapeNode, frame: Frame): void {
    const before = this.identifiers.next();
    const inner = innerFrame(frame, { autoescape: true });
    inner.scope.read(node.value);
    inner.scope.readBody(node.body);
    this._emitLine(`{const ${before}=E.autoescape;`);
    this.#enter(inner);
    this._emitLine(`E.autoescape=${this.condition(node.value, inner)};try{`);
    this.#statements(node.body, inner);
    this._emitLine(`}finally{E.autoescape=${before};}}`);
  }

  protected compileMacroTag(node: MacroNode, frame: Frame): void {
    this.#store(node.name, this.#macro(node, frame, node.name), frame);
  }

  protected compileCallTag(node: CallBlockNode, frame: Frame): void {
    const caller = this.#macro(node, frame, 'caller');
    const call = this.callCode(node.call, frame, caller);
    const { out, marks } = frame;
    const print = frame.autoescape ? 'E.escaped(t)' : `t===E.lastText?E.splice(${marks},${out}.length):R.print(t)`;
    this.#write(frame, `${this.at(node)};t=${call};${out}+=${print};`);
  }

  #macro(node: MacroNode | CallBlockNode, frame: Frame, name: string): string {
    const explicitCaller = node.parameters.find((parameter) => parameter.name === 'caller');
    if (explicitCaller && !explicitCaller.fallback) {
      throw new SyntaxFault(
        'When defining macros or call blocks the special "caller" argument must be omitted or be given a default.',
        { line: node.lineno, column: node.colno },
        'assertion',
      );
    }
    const declared = new Set(node.parameters.map((parameter) => parameter.name));
    const implicit = (special: string): boolean => !declared.has(special) && readsUndeclared(node.body, special);
    const uses = {
      caller: explicitCaller !== undefined || implicit('caller'),
      varargs: implicit('varargs'),
      kwargs: implicit('kwargs'),
    };
    const code = this.#function('async(E,a)=>', (buffers) => {
      const inner = innerFrame(frame, { ...buffers, inLoop: false, autoescape: frame.autoescape });
      this.#macroParameters(node.parameters, inner, uses, explicitCaller !== undefined);
      inner.scope.readBody(node.body);
      this.#enterMacro(node.parameters, inner);
      this.#statements(node.body, inner);
      this._emitLine(`return E.finish(${buffers.out},${buffers.marks});`);
    });
    const spec = JSON.stringify({
      name,
      parameters: [...declared],
      ...uses,
      explicitCaller: explicitCaller !== undefined,
    });
    return `new R.Macro(${spec},${code},C)`;
  }

  #macroParameters(
    parameters: readonly Parameter[],
    frame: Frame,
    uses: Readonly<Record<string, boolean>>,
    explicit: boolean,
  ): void {
    let index = 0;
    for (const { name } of parameters) this._emitLine(`let ${frame.scope.parameter(name)}=a[${index++}];`);
    for (const name of ['caller', 'kwargs', 'varargs']) {
      if (uses[name] && !(name === 'caller' && explicit))
        this._emitLine(`let ${frame.scope.parameter(name)}=a[${index++}];`);
    }
  }

  #enterMacro(parameters: readonly Parameter[], frame: Frame): void {
    for (const { fallback } of parameters) frame.scope.read(fallback);
    this.#enter(frame);
    for (const { name, fallback } of parameters) {
      const variable = frame.scope.find(name)!;
      const value = fallback ? this.code(fallback, frame) : `E.undefParameter(${JSON.stringify(name)})`;
      this._emitLine(`if(${variable}===undefined)${variable}=${value};`);
    }
  }

  protected compileBlockTag(node: BlockNode, frame: Frame): void {
    if (this.extendsSeen === 'yes' && frame.toplevel) return;
    const context = node.scoped ? `C.derive(${this.#locals(frame)})` : 'C';
    const { out, marks } = frame;
    this.#write(
      frame,
      `${this.at(node)};t=await C.block(${JSON.stringify(node.name)})(E,${context});${out}+=E.take(t,${marks},${out}.length);`,
    );
  }

  protected compileExtendsTag(node: ExtendsNode, frame: Frame): void {
    if (!frame.toplevel) {
      const position = { line: node.lineno, column: node.colno };
      throw new SyntaxFault('cannot use extend from a non top-level scope', position, 'assertion');
    }
    if (this.extendsSeen === 'yes') {
      this._emitLine(`E.extendedTwice(${this.at(node)});`);
      return;
    }
    if (this.extendsSeen === 'maybe') this._emitLine(`if(parent!==undefined)E.extendedTwice(${this.at(node)});`);
    this._emitLine(`${this.at(node)};parent=await E.parentOf(${this.code(node.template, frame)},C);`);
    this.extendsSeen = frame.rootlevel ? 'yes' : 'maybe';
  }

  /** The names in reach, for templates that see the context. */
  #locals(frame: Frame): string {
    const pairs = [...frame.scope.allStores()].map(([name, variable]) => `[${JSON.stringify(name)},${variable}]`);
    return `[${pairs.join(',')}]`;
  }

  protected compileIncludeTag(node: IncludeNode, frame: Frame): void {
    const template = this.code(node.template, frame);
    const locals = node.withContext ? this.#locals(frame) : 'undefined';
    const { out, marks } = frame;
    const missing = String(node.ignoreMissing);
    this.#write(
      frame,
      `${this.at(node)};t=await E.include(${template},C,${locals},${missing});${out}+=E.take(t,${marks},${out}.length);`,
    );
  }

  #imported(node: ImportNode | FromImportNode, frame: Frame): string {
    const locals = node.withContext ? this.#locals(frame) : 'undefined';
    return `${this.at(node)};t=await E.import(${this.code(node.template, frame)},C,${locals});`;
  }

  protected compileImportTag(node: ImportNode, frame: Frame): void {
    this._emitLine(this.#imported(node, frame));
    this._emitLine(`${frame.scope.find(node.name)}=t;`);
    if (frame.toplevel) this._emitLine(`C.keep(${JSON.stringify(node.name)},t);`);
  }

  protected compileFromImportTag(node: FromImportNode, frame: Frame): void {
    this._emitLine(this.#imported(node, frame));
    for (const { name, alias } of node.names) {
      const variable = frame.scope.find(alias);
      this._emitLine(`${variable}=E.fromModule(t,${JSON.stringify(name)});`);
      if (frame.toplevel) this._emitLine(`C.keep(${JSON.stringify(alias)},${variable});`);
    }
  }
}

function assignsLoop(target: Target): boolean {
  if (target.typename === 'Name') return target.name === 'loop';
  return target.typename !== 'NamespaceRef' && target.items.some((item) => assignsLoop(item as Target));
}

function containsExtends(body: Body): boolean {
  return body.some(
    (node) =>
      node.typename === 'ExtendsTag' ||
      (node.typename === 'Branch' &&
        (containsExtends(node.body) || containsExtends(node.elifs) || containsExtends(node.otherwise))),
  );
}
