import nunjucksParser, { type Parser } from 'nunjucks/src/parser.js';
import { float, integer } from '../../../values/index.ts';
import { SyntaxFault } from './error.ts';
import { stringValue, type Token, type TokenType } from './lexer.ts';
import {
  type Arguments,
  type ComparisonOperator,
  type Expression,
  type FilterNode,
  make,
  type Target,
} from './nodes.ts';

const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=']);
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);
const MAX_DEPTH = 400;

/** How a tuple is being read. */
interface TupleOptions {
  /** Only primaries, as in the target of a loop. */
  readonly simplified?: boolean;
  readonly withCondition?: boolean;
  readonly endNames?: readonly string[];
  readonly parenthesized?: boolean;
}

/** Jinja2's expression grammar and precedence over an indexed token list. */
export class ExpressionParser extends (nunjucksParser.Parser as typeof Parser) {
  declare protected list: readonly Token[];
  declare protected index: number;
  declare protected depth: number;

  /** A parser of `tokens`, which end with `eof`. */
  static of<T extends ExpressionParser>(this: new (source: { nextToken(): null }) => T, tokens: readonly Token[]): T {
    const parser = new this({ nextToken: () => null });
    parser.list = tokens;
    parser.index = 0;
    parser.depth = 0;
    return parser;
  }

  protected get current(): Token {
    const token = this.list[this.index]!;
    if (token.type === 'error') throw this.faultAt(token.value, token);
    return token;
  }

  protected next(): Token {
    const token = this.current;
    if (token.type !== 'eof') this.index += 1;
    return token;
  }

  /** The token `ahead` places further on; never an error. */
  protected look(ahead: number): Token {
    return this.list[Math.min(this.index + ahead, this.list.length - 1)]!;
  }

  protected is(type: TokenType, value?: string): boolean {
    const token = this.current;
    return token.type === type && (value === undefined || token.value === value);
  }

  protected isOperator(value: string): boolean {
    return this.is('operator', value);
  }

  protected skipIf(type: TokenType, value?: string): boolean {
    if (!this.is(type, value)) return false;
    this.index += 1;
    return true;
  }

  protected expectToken(type: TokenType, value?: string): Token {
    if (this.is(type, value)) return this.next();
    const wanted = value ?? describeType(type);
    throw this.faultHere(`expected token '${wanted}', got '${describe(this.current)}'`);
  }

  protected faultHere(message: string, hint = ''): SyntaxFault {
    return this.faultAt(message, this.current, hint);
  }

  protected faultAt(
    message: string,
    token: { readonly lineno: number; readonly colno: number },
    hint = '',
  ): SyntaxFault {
    return new SyntaxFault(message, { line: token.lineno, column: token.colno }, 'syntax', hint);
  }

  protected parseAnyExpression(withCondition = true): Expression {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw this.faultHere('the expression is nested too deeply');
    const node = withCondition ? this.#condition() : this.#or();
    this.depth -= 1;
    return node;
  }

  #condition(): Expression {
    let node = this.#or();
    while (this.is('name', 'if')) {
      const at = this.next();
      const test = this.#or();
      const no = this.skipIf('name', 'else') ? this.parseAnyExpression() : undefined;
      node = make('Condition', at, { test, yes: node, no });
    }
    return node;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.is('name', 'or')) {
      const at = this.next();
      left = make('Logic', at, { operator: 'or', left, right: this.#and() });
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.is('name', 'and')) {
      const at = this.next();
      left = make('Logic', at, { operator: 'and', left, right: this.#not() });
    }
    return left;
  }

  #not(): Expression {
    if (!this.is('name', 'not')) return this.#comparison();
    const at = this.next();
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw this.faultHere('the expression is nested too deeply');
    const operand = this.#not();
    this.depth -= 1;
    return make('Unary', at, { operator: 'not', operand });
  }

  #comparison(): Expression {
    const at = this.current;
    const first = this.#sum();
    const rest: { operator: ComparisonOperator; right: Expression }[] = [];
    for (;;) {
      const token = this.current;
      if (token.type === 'operator' && COMPARISONS.has(token.value)) {
        this.index += 1;
        rest.push({ operator: token.value as ComparisonOperator, right: this.#sum() });
      } else if (this.skipIf('name', 'in')) rest.push({ operator: 'in', right: this.#sum() });
      else if (token.type === 'name' && token.value === 'not' && isName(this.look(1), 'in')) {
        this.index += 2;
        rest.push({ operator: 'not in', right: this.#sum() });
      } else break;
    }
    return rest.length === 0 ? first : make('Comparison', at, { first, rest });
  }

  #sum(): Expression {
    let left = this.#join();
    while (this.isOperator('+') || this.isOperator('-')) {
      const at = this.next();
      left = make('Binary', at, { operator: at.value as '+' | '-', left, right: this.#join() });
    }
    return left;
  }

  #join(): Expression {
    const at = this.current;
    const items = [this.#product()];
    while (this.isOperator('~')) {
      this.index += 1;
      items.push(this.#product());
    }
    return items.length === 1 ? items[0]! : make('Join', at, { items });
  }

  #product(): Expression {
    let left = this.#power();
    while (this.isOperator('*') || this.isOperator('/') || this.isOperator('//') || this.isOperator('%')) {
      const at = this.next();
      left = make('Binary', at, { operator: at.value as '*' | '/' | '//' | '%', left, right: this.#power() });
    }
    return left;
  }

  #power(): Expression {
    let left = this.parseUnaryExpression();
    while (this.isOperator('**')) {
      const at = this.next();
      left = make('Binary', at, { operator: '**', left, right: this.parseUnaryExpression() });
    }
    return left;
  }

  protected parseUnaryExpression(withFilters = true): Expression {
    let node: Expression;
    if (this.isOperator('-') || this.isOperator('+')) {
      const at = this.next();
      this.depth += 1;
      if (this.depth > MAX_DEPTH) throw this.faultHere('the expression is nested too deeply');
      node = make('Unary', at, { operator: at.value as '-' | '+', operand: this.parseUnaryExpression(false) });
      this.depth -= 1;
    } else node = this.parsePrimaryExpression();
    node = this.#postfix(node);
    return withFilters ? this.parseFilters(node) : node;
  }

  protected parsePrimaryExpression(): Expression {
    const token = this.current;
    switch (token.type) {
      case 'name': {
        this.index += 1;
        const constant = CONSTANTS.get(token.value);
        if (constant !== undefined) return make('Const', token, { value: constant });
        return make('Name', token, { name: token.value });
      }
      case 'string': {
        let value = '';
        while (this.is('string')) value += stringValue(this.next());
        return make('Const', token, { value });
      }
      case 'integer':
        this.index += 1;
        return make('Const', token, { value: integerValue(token.value) });
      case 'float':
        this.index += 1;
        return make('Const', token, { value: float(Number(token.value.replaceAll('_', ''))) });
      case 'operator':
        if (token.value === '(') return this.#parenthesized();
        if (token.value === '[') return this.#list();
        if (token.value === '{') return this.#mapping();
    }
    throw this.faultHere(`unexpected '${describe(token)}'`);
  }

  #parenthesized(): Expression {
    this.index += 1;
    const node = this.parseTuple({ parenthesized: true });
    this.expectToken('operator', ')');
    return node;
  }

  #list(): Expression {
    const at = this.next();
    const items: Expression[] = [];
    while (!this.isOperator(']')) {
      if (items.length > 0) this.expectToken('operator', ',');
      if (this.isOperator(']')) break;
      items.push(this.parseAnyExpression());
    }
    this.expectToken('operator', ']');
    return make('List', at, { items });
  }

  #mapping(): Expression {
    const at = this.next();
    const pairs: [Expression, Expression][] = [];
    while (!this.isOperator('}')) {
      if (pairs.length > 0) this.expectToken('operator', ',');
      if (this.isOperator('}')) break;
      const key = this.parseAnyExpression();
      this.expectToken('operator', ':');
      pairs.push([key, this.parseAnyExpression()]);
    }
    this.expectToken('operator', '}');
    return make('Mapping', at, { pairs });
  }

  /** One expression, or several separated by commas as a tuple. */
  protected parseTuple(options: TupleOptions = {}): Expression {
    const at = this.current;
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.expectToken('operator', ',');
      if (this.#endsTuple(options.endNames)) break;
      items.push(
        options.simplified ? this.parsePrimaryExpression() : this.parseAnyExpression(options.withCondition ?? true),
      );
      if (!this.isOperator(',')) break;
      isTuple = true;
    }
    if (!isTuple) {
      if (items.length > 0) return items[0]!;
      if (!options.parenthesized) throw this.faultHere(`Expected an expression, got '${describe(this.current)}'`);
    }
    return make('Tuple', at, { items });
  }

  #endsTuple(endNames: readonly string[] | undefined): boolean {
    const token = this.current;
    if (token.type === 'variable_end' || token.type === 'block_end' || this.isOperator(')')) return true;
    return token.type === 'name' && endNames !== undefined && endNames.includes(token.value);
  }

  #postfix(start: Expression): Expression {
    let node = start;
    for (;;) {
      if (this.isOperator('.') || this.isOperator('[')) node = this.#subscript(node);
      else if (this.isOperator('(')) node = this.parseCallOf(node);
      else return node;
    }
  }

  /** The filters, tests and calls behind an expression. */
  protected parseFilters(start: Expression): Expression {
    let node = start;
    for (;;) {
      if (this.isOperator('|')) node = this.parseFilterChain(node)!;
      else if (this.is('name', 'is')) node = this.#test(node);
      else if (this.isOperator('(')) node = this.parseCallOf(node);
      else return node;
    }
  }

  #subscript(target: Expression): Expression {
    const at = this.next();
    if (at.value === '.') {
      const token = this.next();
      if (token.type === 'name') return make('Attribute', token, { target, name: token.value });
      if (token.type !== 'integer') throw this.faultAt('expected name or number', token);
      return make('Item', at, { target, key: make('Const', token, { value: integerValue(token.value) }) });
    }
    const keys: Expression[] = [];
    while (!this.isOperator(']')) {
      if (keys.length > 0) this.expectToken('operator', ',');
      keys.push(this.#subscribed());
    }
    if (keys.length === 0) throw this.faultHere('expected subscript expression');
    this.expectToken('operator', ']');
    const key = keys.length === 1 ? keys[0]! : make('Tuple', at, { items: keys });
    return make('Item', at, { target, key });
  }

  #subscribed(): Expression {
    const at = this.current;
    let start: Expression | undefined;
    if (!this.isOperator(':')) {
      start = this.parseAnyExpression();
      if (!this.isOperator(':')) return start;
    }
    this.index += 1;
    const stop = this.#sliceEnds() ? undefined : this.parseAnyExpression();
    let step: Expression | undefined;
    if (this.isOperator(':')) {
      this.index += 1;
      if (!this.isOperator(']') && !this.isOperator(',')) step = this.parseAnyExpression();
    }
    return make('Slice', at, { start, stop, step });
  }

  #sliceEnds(): boolean {
    return this.isOperator(':') || this.isOperator(']') || this.isOperator(',');
  }

  /** `(…)` behind `target`. */
  protected parseCallOf(target: Expression): Expression {
    const at = this.current;
    return make('Call', at, { target, arguments: this.parseArguments() });
  }

  /** The arguments in parentheses at the current token. */
  protected parseArguments(): Arguments {
    this.expectToken('operator', '(');
    const args: Expression[] = [];
    const kwargs: { name: string; value: Expression }[] = [];
    let dynArgs: Expression | undefined;
    let dynKwargs: Expression | undefined;
    const ensure = (allowed: boolean): void => {
      if (!allowed) throw this.faultHere('invalid syntax for function call expression');
    };
    for (let first = true; !this.isOperator(')'); first = false) {
      if (!first) {
        this.expectToken('operator', ',');
        if (this.isOperator(')')) break;
      }
      if (this.isOperator('*')) {
        ensure(!dynArgs && !dynKwargs);
        this.index += 1;
        dynArgs = this.parseAnyExpression();
      } else if (this.isOperator('**')) {
        ensure(!dynKwargs);
        this.index += 1;
        dynKwargs = this.parseAnyExpression();
      } else if (this.is('name') && isOperator(this.look(1), '=')) {
        ensure(!dynKwargs);
        const name = this.next().value;
        this.index += 1;
        kwargs.push({ name, value: this.parseAnyExpression() });
      } else {
        ensure(!dynArgs && !dynKwargs && kwargs.length === 0);
        args.push(this.parseAnyExpression());
      }
    }
    this.expectToken('operator', ')');
    return { args, kwargs, dynArgs, dynKwargs };
  }

  /** Filters in a row; `target` undefined for a block's, whose first filter has no bar. */
  protected parseFilterChain(target: Expression | undefined, startsInline = false): FilterNode | undefined {
    let node = target as FilterNode | undefined;
    let inline = startsInline;
    while (this.isOperator('|') || inline) {
      if (!inline) this.index += 1;
      const token = this.expectToken('name');
      const name = token.value + this.#dottedRest();
      const args = this.isOperator('(') ? this.parseArguments() : NO_ARGUMENTS;
      node = make('FilterCall', token, { target: node, name, arguments: args });
      inline = false;
    }
    return node;
  }

  #dottedRest(): string {
    let rest = '';
    while (this.isOperator('.')) {
      this.index += 1;
      rest += `.${this.expectToken('name').value}`;
    }
    return rest;
  }

  #test(target: Expression): Expression {
    const at = this.next();
    const negated = this.skipIf('name', 'not');
    const name = this.expectToken('name').value + this.#dottedRest();
    let args = NO_ARGUMENTS;
    if (this.isOperator('(')) args = this.parseArguments();
    else if (this.#startsArgument()) {
      if (this.is('name', 'is')) throw this.faultHere('You cannot chain multiple tests with is');
      args = { ...NO_ARGUMENTS, args: [this.#postfix(this.parsePrimaryExpression())] };
    }
    const node = make('TestCall', at, { target, name, arguments: args });
    return negated ? make('Unary', at, { operator: 'not', operand: node }) : node;
  }

  #startsArgument(): boolean {
    const { type, value } = this.current;
    if (type === 'name') return value !== 'else' && value !== 'or' && value !== 'and';
    return type === 'string' || type === 'integer' || type === 'float' || this.isOperator('[') || this.isOperator('{');
  }

  /** A name, dotted name, or tuple that can be assigned to. */
  protected parseTarget(options: {
    withTuple?: boolean;
    endNames?: readonly string[];
    withNamespace?: boolean;
  }): Target {
    const token = this.current;
    if (options.withNamespace && token.type === 'name' && isOperator(this.look(1), '.')) {
      this.index += 2;
      return make('NamespaceRef', token, { name: token.value, attribute: this.expectToken('name').value });
    }
    const tuple: TupleOptions = { simplified: true, ...(options.endNames ? { endNames: options.endNames } : {}) };
    const node = options.withTuple === false ? this.parsePrimaryExpression() : this.parseTuple(tuple);
    if (!isAssignable(node)) throw this.faultAt(`can't assign to '${describeNode(node)}'`, token);
    return node;
  }

  /** A name that is assigned to. */
  protected parseTargetName(): string {
    const token = this.expectToken('name');
    if (CONSTANTS.has(token.value)) throw this.faultAt("can't assign to 'const'", token);
    return token.value;
  }
}

/** No arguments at all. */
const NO_ARGUMENTS: Arguments = { args: [], kwargs: [], dynArgs: undefined, dynKwargs: undefined };

function isName(token: Token, value: string): boolean {
  return token.type === 'name' && token.value === value;
}

function isOperator(token: Token, value: string): boolean {
  return token.type === 'operator' && token.value === value;
}

function isAssignable(node: Expression): node is Target {
  if (node.typename === 'Name') return true;
  return (node.typename === 'Tuple' || node.typename === 'List') && node.items.every(isAssignable);
}

function describeNode(node: Expression): string {
  return node.typename === 'Mapping' ? 'dict' : node.typename.toLowerCase();
}

function integerValue(text: string): number | bigint {
  const digits = text.replaceAll('_', '');
  return integer(/^0\d/.test(digits) ? 0n : BigInt(digits.toLowerCase()));
}

function describeType(type: TokenType): string {
  switch (type) {
    case 'block_end':
      return 'end of statement block';
    case 'variable_end':
      return 'end of print statement';
    case 'block_begin':
      return 'begin of statement block';
    case 'variable_begin':
      return 'begin of print statement';
    case 'eof':
      return 'end of template';
    default:
      return type;
  }
}

/** How an error message names a token. */
function describe(token: Token): string {
  if (token.type === 'name' || token.type === 'operator' || token.type === 'integer' || token.type === 'float') {
    return token.value;
  }
  return token.type === 'string' ? stringValue(token) : describeType(token.type);
}
