import type { Node } from 'nunjucks/src/nodes.js';
import { SyntaxFault } from './error.ts';
import { ExpressionParser } from './expression-parser.ts';
import type { Token } from './lexer.ts';
import {
  type Body,
  type CallNode,
  type Expression,
  type FilterNode,
  type IfNode,
  make,
  type Parameter,
  type Statement,
} from './nodes.ts';

/** What a template's text is: its statements, or every fault found. */
export type ParseResult =
  | { readonly ok: true; readonly body: Body }
  | { readonly ok: false; readonly faults: readonly SyntaxFault[] };

const MAX_FAULTS = 20;
const LOAD_FORMATS = new Set(['load_yaml', 'load_json', 'load_text']);
const IMPORT_FORMATS = new Set(['import_yaml', 'import_json', 'import_text']);
const CLOSERS = /^(?:end\w*|else)$/;

/** Parses tokens into statements. After a fault the remaining tags are still checked, one by one. */
export function parseTemplate(tokens: readonly Token[]): ParseResult {
  const parser = StatementParser.of(tokens);
  try {
    return { ok: true, body: parser.parseWhole() };
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    return { ok: false, faults: [error, ...parser.checkRest()] };
  }
}

/** Jinja2's statements, with Salt's tags. */
class StatementParser extends ExpressionParser {
  /** The tags that would close the open ones, and the lines where those stand; innermost last. */
  declare private open: { readonly wanted: string; readonly line: number }[];
  /** True while only the heads of tags are checked. */
  declare private headsOnly: boolean;
  declare private unnamed: number;

  parseWhole(): Body {
    this.open = [];
    this.headsOnly = false;
    this.unnamed = 0;
    return this.parseAsRoot().children as unknown as Body;
  }

  /** The faults of the tags behind the current one, each looked at by itself. */
  checkRest(): SyntaxFault[] {
    const faults: SyntaxFault[] = [];
    this.headsOnly = true;
    this.depth = 0;
    while (this.#skipToNextTag() && faults.length < MAX_FAULTS) {
      try {
        this.#checkTag();
      } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error;
        faults.push(error);
        this.depth = 0;
      }
    }
    return faults;
  }

  #skipToNextTag(): boolean {
    for (; this.index < this.list.length; this.index += 1) {
      const { type } = this.list[this.index]!;
      if (type === 'variable_begin' || type === 'block_begin') return true;
    }
    return false;
  }

  #checkTag(): void {
    if (this.next().type === 'variable_begin') {
      this.parseTuple();
      this.expectToken('variable_end');
      return;
    }
    const { value } = this.current;
    if (this.is('name', 'elif')) {
      this.index += 1;
      this.parseTuple({ withCondition: false });
    } else if (CLOSERS.test(value)) this.index += 1;
    else {
      this.breakOnBlocks = null;
      this.parseStatement();
    }
  }

  /** Called by nunjucks for the root and for every body. */
  override parseNodes(): Node[] {
    const nodes: Statement[] = [];
    if (this.headsOnly) return nodes;
    for (;;) {
      const token = this.current;
      if (token.type === 'eof') return nodes;
      this.index += 1;
      if (token.type === 'data') nodes.push(make('Text', token, { text: token.value }));
      else if (token.type === 'variable_begin') {
        const value = this.parseTuple();
        nodes.push(make('Print', token, { value }));
        this.expectToken('variable_end');
      } else {
        if (this.is('name') && this.breakOnBlocks?.includes(this.current.value)) return nodes;
        nodes.push(...this.#statements());
        this.expectToken('block_end');
      }
    }
  }

  override parseStatement(): Statement | null {
    return this.#statements()[0] ?? null;
  }

  #statements(): Statement[] {
    const token = this.current;
    if (token.type !== 'name') throw this.faultHere('tag name expected');
    this.index += 1;
    if (LOAD_FORMATS.has(token.value)) return this.#load(token);
    if (IMPORT_FORMATS.has(token.value)) return this.#importData(token);
    switch (token.value) {
      case 'for':
        return [this.#for(token)];
      case 'if':
        return [this.#if(token)];
      case 'block':
        return [this.#block(token)];
      case 'extends':
        return [make('ExtendsTag', token, { template: this.parseAnyExpression() })];
      case 'print':
        return this.#print(token);
      case 'macro':
        return [this.#macro(token)];
      case 'include':
        return [this.#include(token)];
      case 'from':
        return [this.#fromImport(token)];
      case 'import':
        return [this.#import(token)];
      case 'set':
        return [this.#set(token)];
      case 'with':
        return [this.#with(token)];
      case 'autoescape': {
        const value = this.parseAnyExpression();
        return [make('AutoescapeTag', token, { value, body: this.#body('endautoescape') })];
      }
      case 'call':
        return [this.#call(token)];
      case 'filter': {
        const filter = this.parseFilterChain(undefined, true)!;
        return [make('FilterTag', token, { filter, body: this.#body('endfilter') })];
      }
      case 'do':
        return [make('DoTag', token, { value: this.parseTuple() })];
      case 'break':
        return [make('BreakTag', token, {})];
      case 'continue':
        return [make('ContinueTag', token, {})];
      case 'profile':
        this.expectToken('name', 'as');
        return [make('DoTag', token, { value: this.parseAnyExpression() }), ...this.#body('endprofile')];
      default:
        throw this.#unknownTag(token);
    }
  }

  /** The statements up to one of `ends`; the ending tag's name is passed over, its end is not. */
  #body(...ends: string[]): Body {
    const body = this.#bodyKeepingEnd(...ends);
    if (!this.headsOnly) this.index += 1;
    return body;
  }

  #bodyKeepingEnd(...ends: string[]): Body {
    this.skipIf('operator', ':');
    if (this.headsOnly) {
      if (!this.is('block_end')) this.expectToken('block_end');
      return [];
    }
    const { lineno } = this.current;
    this.expectToken('block_end');
    this.open.push({ wanted: ends.join("' or '"), line: lineno });
    this.depth += 1;
    if (this.depth > 200) throw this.faultHere('the blocks are nested too deeply');
    const body = this.parseUntilBlocks(...ends).children as unknown as Body;
    this.depth -= 1;
    if (this.current.type === 'eof') throw this.#unexpectedEnd();
    this.open.pop();
    return body;
  }

  #unexpectedEnd(): SyntaxFault {
    const open = this.open.at(-1)!;
    return this.faultHere(`Unexpected end of template.${expected(open.wanted)}`, hintFor(open));
  }

  #unknownTag(token: Token): SyntaxFault {
    const open = this.open.at(-1);
    if (open === undefined) return this.faultAt(`Encountered unknown tag '${token.value}'.`, token);
    const what = CLOSERS.test(token.value)
      ? `Unexpected tag '${token.value}'`
      : `Encountered unknown tag '${token.value}'`;
    return this.faultAt(`${what}.${expected(open.wanted)}`, token, CLOSERS.test(token.value) ? hintFor(open) : '');
  }

  #for(token: Token): Statement {
    const target = this.parseTarget({ endNames: ['in'] });
    this.expectToken('name', 'in');
    const iter = this.parseTuple({ withCondition: false, endNames: ['recursive'] });
    const test = this.skipIf('name', 'if') ? this.parseAnyExpression() : undefined;
    const recursive = this.skipIf('name', 'recursive');
    const body = this.#bodyKeepingEnd('endfor', 'else');
    let otherwise: Body = [];
    if (!this.headsOnly && this.next().value === 'else') otherwise = this.#body('endfor');
    return make('Loop', token, { target, iter, test, recursive, body, otherwise });
  }

  #if(token: Token): Statement {
    const first = this.#branch(token);
    const elifs: IfNode[] = [];
    let otherwise: Body = [];
    while (!this.headsOnly) {
      const tag = this.next();
      if (tag.value === 'elif') elifs.push(this.#branch(tag));
      else {
        if (tag.value === 'else') otherwise = this.#body('endif');
        break;
      }
    }
    return make('Branch', token, { ...first, elifs, otherwise });
  }

  #branch(token: Token): { test: Expression; body: Body } & IfNode {
    const test = this.parseTuple({ withCondition: false });
    const body = this.#bodyKeepingEnd('elif', 'else', 'endif');
    return make('Branch', token, { test, body, elifs: [], otherwise: [] });
  }

  #print(token: Token): Statement[] {
    const nodes: Statement[] = [];
    while (!this.is('block_end')) {
      if (nodes.length > 0) this.expectToken('operator', ',');
      nodes.push(make('Print', token, { value: this.parseAnyExpression() }));
    }
    return nodes;
  }

  #block(token: Token): Statement {
    const { value: name } = this.expectToken('name');
    const scoped = this.skipIf('name', 'scoped');
    const required = this.skipIf('name', 'required');
    if (this.isOperator('-')) {
      throw this.faultHere(
        'Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.',
      );
    }
    const body = this.#body('endblock');
    if (required && !body.every((node) => node.typename === 'Text' && node.text.trim() === '')) {
      throw this.faultAt('Required blocks can only contain comments or whitespace', token);
    }
    if (!this.headsOnly) this.skipIf('name', name);
    return make('BlockTag', token, { name, body, scoped, required });
  }

  #parameters(): Parameter[] {
    const parameters: Parameter[] = [];
    this.expectToken('operator', '(');
    while (!this.isOperator(')')) {
      if (parameters.length > 0) this.expectToken('operator', ',');
      const name = this.parseTargetName();
      let fallback: Expression | undefined;
      if (this.skipIf('operator', '=')) fallback = this.parseAnyExpression();
      else if (parameters.some((earlier) => earlier.fallback)) {
        throw this.faultHere('non-default argument follows default argument');
      }
      parameters.push({ name, fallback });
    }
    this.expectToken('operator', ')');
    return parameters;
  }

  #macro(token: Token): Statement {
    const name = this.parseTargetName();
    const parameters = this.#parameters();
    return make('MacroTag', token, { name, parameters, body: this.#body('endmacro') });
  }

  #call(token: Token): Statement {
    const parameters = this.isOperator('(') ? this.#parameters() : [];
    const call = this.parseAnyExpression();
    if (call.typename !== 'Call') throw this.faultAt('expected call', token);
    return make('CallTag', token, { call: call as CallNode, parameters, body: this.#body('endcall') });
  }

  #include(token: Token): Statement {
    const template = this.parseAnyExpression();
    const ignoreMissing = this.is('name', 'ignore') && this.look(1).value === 'missing';
    if (ignoreMissing) this.index += 2;
    return make('IncludeTag', token, { template, ignoreMissing, withContext: this.#context(true) });
  }

  #context(fallback: boolean): boolean {
    const token = this.current;
    const says = token.type === 'name' && (token.value === 'with' || token.value === 'without');
    if (!says || this.look(1).value !== 'context') return fallback;
    this.index += 2;
    return token.value === 'with';
  }

  #import(token: Token): Statement & { readonly typename: 'ImportTag' } {
    const template = this.parseAnyExpression();
    this.expectToken('name', 'as');
    const name = this.parseTargetName();
    return make('ImportTag', token, { template, name, withContext: this.#context(false) });
  }

  #fromImport(token: Token): Statement {
    const template = this.parseAnyExpression();
    this.expectToken('name', 'import');
    const names: { name: string; alias: string }[] = [];
    let withContext: boolean | undefined;
    const readsContext = (): boolean => {
      const { value } = this.current;
      if ((value !== 'with' && value !== 'without') || this.look(1).value !== 'context') return false;
      withContext = this.#context(false);
      return true;
    };
    for (;;) {
      if (names.length > 0) this.expectToken('operator', ',');
      if (!this.is('name')) {
        this.expectToken('name');
        break;
      }
      if (readsContext()) break;
      const at = this.current;
      const name = this.parseTargetName();
      if (name.startsWith('_')) {
        throw new SyntaxFault(
          'names starting with an underline can not be imported',
          { line: at.lineno, column: at.colno },
          'assertion',
        );
      }
      const alias = this.skipIf('name', 'as') ? this.parseTargetName() : name;
      names.push({ name, alias });
      if (readsContext() || !this.isOperator(',')) break;
    }
    return make('FromImportTag', token, { template, names, withContext: withContext ?? false });
  }

  #set(token: Token): Statement {
    const target = this.parseTarget({ withNamespace: true });
    if (this.skipIf('operator', '=')) return make('Assign', token, { target, value: this.parseTuple() });
    const filter: FilterNode | undefined = this.parseFilterChain(undefined);
    return make('AssignBlock', token, { target, filter, body: this.#body('endset') });
  }

  #with(token: Token): Statement {
    const targets: ReturnType<StatementParser['parseTarget']>[] = [];
    const values: Expression[] = [];
    while (!this.is('block_end')) {
      if (targets.length > 0) this.expectToken('operator', ',');
      targets.push(this.parseTarget({}));
      this.expectToken('operator', '=');
      values.push(this.parseAnyExpression());
    }
    return make('WithTag', token, { targets, values, body: this.#body('endwith') });
  }

  /** `load_yaml as x`: the body rendered like a macro, then the filter of the tag's name. */
  #load(token: Token): Statement[] {
    this.expectToken('name', 'as');
    const target = this.parseTarget({});
    this.unnamed += 1;
    const name = `_${token.value}_${this.unnamed}`;
    const body = this.#body('endload');
    const call = make('Call', token, { target: make('Name', token, { name }), arguments: emptyArguments() });
    const value = make('FilterCall', token, { target: call, name: token.value, arguments: emptyArguments() });
    return [make('MacroTag', token, { name, parameters: [], body }), make('Assign', token, { target, value })];
  }

  /** `import_yaml "f" as x`: an import whose text goes through the load filter. */
  #importData(token: Token): Statement[] {
    const imported = this.#import(token);
    const name = token.value.replace('import', 'load');
    const target = make('Name', token, { name: imported.name });
    const value = make('FilterCall', token, { target, name, arguments: emptyArguments() });
    return [imported, make('Assign', token, { target: make('Name', token, { name: imported.name }), value })];
  }
}

function emptyArguments(): { args: []; kwargs: []; dynArgs: undefined; dynKwargs: undefined } {
  return { args: [], kwargs: [], dynArgs: undefined, dynKwargs: undefined };
}

/** The rest of Jinja's message about a block that is open. */
function expected(wanted: string): string {
  return ` Jinja was looking for the following tags: '${wanted}'. The innermost block that needs to be closed is '${opener(wanted)}'.`;
}

function opener(wanted: string): string {
  return wanted.replace(/^.*'end|^end/, '');
}

function hintFor({ wanted, line }: { readonly wanted: string; readonly line: number }): string {
  return `Close {% ${opener(wanted)} … %} of line ${line} with {% end${opener(wanted)} %}.`;
}
