import nunjucksCompiler, { type Compiler } from 'nunjucks/src/compiler.js';
import type { Node } from 'nunjucks/src/nodes.js';
import { SyntaxFault } from '../syntax/error.ts';
import type {
  Arguments,
  AttributeNode,
  BinaryNode,
  CallNode,
  ComparisonNode,
  ComparisonOperator,
  ConditionNode,
  DictNode,
  Expression,
  FilterNode,
  ItemNode,
  JoinNode,
  ListNode,
  LiteralNode,
  LogicNode,
  NameNode,
  TestNode,
  TupleNode,
  UnaryNode,
} from '../syntax/nodes.ts';
import { packPosition } from '../syntax/position.ts';
import { type Identifiers, Scope } from './scope.ts';

/** Where code is being generated: the names in reach and the buffer output goes to. */
export interface Frame {
  readonly scope: Scope;
  /** Variable of the text written so far. */
  readonly out: string;
  /** Variable of the marks that say where it came from. */
  readonly marks: string;
  /** Assignments are exported. */
  readonly toplevel: boolean;
  /** Directly in the template, not even in an `if`. */
  readonly rootlevel: boolean;
  readonly inLoop: boolean;
  /** Inside an `autoescape` tag, where escaping is decided at run time. */
  readonly autoescape: boolean;
  /** Inside an `if` or the like: unknown filters fail only when reached. */
  readonly soft: boolean;
}

/** Looks filters and tests up while compiling. */
export interface Names {
  readonly filters: ReadonlyMap<string, { readonly mayWait: boolean }>;
  readonly tests: ReadonlyMap<string, { readonly mayWait: boolean }>;
}

const BINARY: Readonly<Record<BinaryNode['operator'], string>> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '//': 'floordiv',
  '%': 'mod',
  '**': 'pow',
};
const COMPARE: Readonly<Record<ComparisonOperator, string>> = {
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
  in: 'isIn',
  'not in': 'notIn',
};
/** Nodes whose code gives a JavaScript boolean. */
const BOOLEAN = new Set(['Comparison', 'TestCall']);

/**
 * Writes expressions as JavaScript over the runtime `R`. What may answer later is written "call; if the result is a
 * Promise, await it", so that synchronous calls cost no turn of the event loop. Names of templates never become
 * JavaScript identifiers, and texts enter the code as JSON only.
 */
export class ExpressionCompiler extends (nunjucksCompiler.Compiler as typeof Compiler) {
  declare protected names: Names;
  declare protected identifiers: Identifiers;
  /** Values generated code refers to as `K[i]`. */
  declare protected constants: unknown[];
  declare protected constantsAt: Map<unknown, number>;
  /** Variables of the function being written that hold intermediate values. */
  declare protected temps: string[];

  protected get tables(): { readonly constants: readonly unknown[] } {
    return { constants: this.constants };
  }

  /** The code `write` emits. */
  protected capture(write: () => void): string {
    const outer = this.codebuf;
    this.codebuf = [];
    write();
    const code = this.codebuf.join('');
    this.codebuf = outer;
    return code;
  }

  /** The code of an expression. */
  protected code(node: Expression, frame: Frame): string {
    return this.capture(() => this.compile(node, frame));
  }

  /** The code of an expression as a JavaScript condition. */
  protected condition(node: Expression, frame: Frame): string {
    if (BOOLEAN.has(node.typename)) return this.code(node, frame);
    if (node.typename === 'Unary' && node.operator === 'not') return `!${this.condition(node.operand, frame)}`;
    if (node.typename === 'Logic') {
      const operator = node.operator === 'and' ? '&&' : '||';
      return `(${this.condition(node.left, frame)} ${operator} ${this.condition(node.right, frame)})`;
    }
    return `R.truth(${this.code(node, frame)})`;
  }

  protected temp(): string {
    const name = this.identifiers.next();
    this.temps.push(name);
    return name;
  }

  protected constant(value: unknown): string {
    let at = this.constantsAt.get(value);
    if (at === undefined) {
      at = this.constants.push(value) - 1;
      this.constantsAt.set(value, at);
    }
    return `K[${at}]`;
  }

  /** Notes the place of what fails next; the innermost catch reads `p`. */
  protected at(node: Node): string {
    return `p=${packPosition(node.lineno, node.colno)}`;
  }

  protected waits(code: string): string {
    return `((t=${code}) instanceof Promise?await t:W.left<0?await E.rest(t):t)`;
  }

  /** An operation that may have worked for long: the event loop gets its turn behind it. */
  protected rests(code: string): string {
    return `((t=${code}),W.left<0?await E.rest(t):t)`;
  }

  protected compileName(node: NameNode, frame: Frame): void {
    const variable = frame.scope.find(node.name)!;
    if (frame.scope.findLoad(variable)?.kind === 'parameter') this._emit(variable);
    else this._emit(`(${variable}===undefined?E.undef(${JSON.stringify(node.name)},${this.at(node)}):${variable})`);
  }

  protected compileConst(node: LiteralNode): void {
    const { value } = node;
    if (typeof value === 'bigint' || (typeof value === 'object' && value !== null)) this._emit(this.constant(value));
    else this._emit(JSON.stringify(value));
  }

  protected compileTuple(node: TupleNode, frame: Frame): void {
    this._emit(`R.tuple(${this.#items(node.items, frame)})`);
  }

  protected compileList(node: ListNode, frame: Frame): void {
    this._emit(this.#items(node.items, frame));
  }

  #items(items: readonly Expression[], frame: Frame): string {
    return `[${items.map((item) => this.code(item, frame)).join(',')}]`;
  }

  protected compileMapping(node: DictNode, frame: Frame): void {
    const pairs = node.pairs.map(([key, value]) => `${this.code(key, frame)},${this.code(value, frame)}`);
    this._emit(`R.dict([${pairs.join(',')}])`);
  }

  protected compileCondition(node: ConditionNode, frame: Frame): void {
    const no = node.no ? this.code(node.no, frame) : `E.noElse(${node.lineno})`;
    this._emit(`(${this.condition(node.test, frame)}?${this.code(node.yes, frame)}:${no})`);
  }

  protected compileBinary(node: BinaryNode, frame: Frame): void {
    const [left, right] = [this.code(node.left, frame), this.code(node.right, frame)];
    this._emit(this.rests(`R.${BINARY[node.operator]}(${left},${right},${this.at(node)})`));
  }

  protected compileUnary(node: UnaryNode, frame: Frame): void {
    if (node.operator === 'not') this._emit(`!${this.condition(node.operand, frame)}`);
    else this._emit(`R.${node.operator === '-' ? 'neg' : 'pos'}(${this.code(node.operand, frame)})`);
  }

  protected compileLogic(node: LogicNode, frame: Frame): void {
    const left = this.temp();
    const test = `R.truth(${left}=${this.code(node.left, frame)})`;
    const right = this.code(node.right, frame);
    this._emit(node.operator === 'and' ? `(${test}?${right}:${left})` : `(${test}?${left}:${right})`);
  }

  protected compileComparison(node: ComparisonNode, frame: Frame): void {
    if (node.rest.length === 1) {
      const { operator, right } = node.rest[0]!;
      const operands = `${this.code(node.first, frame)},${this.code(right, frame)}`;
      this._emit(this.rests(`R.${COMPARE[operator]}(${operands},${this.at(node)})`));
      return;
    }
    let left = this.code(node.first, frame);
    const parts = node.rest.map(({ operator, right }) => {
      const kept = this.temp();
      const part = this.rests(`R.${COMPARE[operator]}(${left},${kept}=${this.code(right, frame)},${this.at(node)})`);
      left = kept;
      return part;
    });
    this._emit(`(${parts.join('&&')})`);
  }

  protected compileJoin(node: JoinNode, frame: Frame): void {
    const join = frame.autoescape ? 'E.markupJoin' : 'R.join';
    this._emit(this.rests(`${join}(${this.#items(node.items, frame)},${this.at(node)})`));
  }

  protected compileAttribute(node: AttributeNode, frame: Frame): void {
    this._emit(`E.attribute(${this.code(node.target, frame)},${JSON.stringify(node.name)},${this.at(node)})`);
  }

  protected compileItem(node: ItemNode, frame: Frame): void {
    const { target, key } = node;
    if (key.typename !== 'Slice') {
      this._emit(this.rests(`E.item(${this.code(target, frame)},${this.code(key, frame)},${this.at(node)})`));
      return;
    }
    const bounds = [key.start, key.stop, key.step].map((bound) => (bound ? this.code(bound, frame) : 'null'));
    this._emit(this.rests(`E.slice(${this.code(target, frame)},${bounds.join(',')},${this.at(node)})`));
  }

  protected compileSlice(node: Node): void {
    throw new SyntaxFault('a slice cannot stand inside a tuple', { line: node.lineno, column: node.colno });
  }

  protected compileCall(node: CallNode, frame: Frame): void {
    this._emit(this.callCode(node, frame, undefined));
  }

  /** A call, with the block of a `call` tag as one more keyword argument. */
  protected callCode(node: CallNode, frame: Frame, caller: string | undefined): string {
    const { target } = node;
    if (target.typename === 'Attribute') {
      const object = this.code(target.target, frame);
      const rest = `${this.argumentCode(node.arguments, frame, caller)},${this.at(target)},T`;
      return this.waits(`E.callMethod(${object},${JSON.stringify(target.name)},${rest})`);
    }
    const called = this.code(target, frame);
    return this.waits(`E.call(${called},${this.argumentCode(node.arguments, frame, caller)},${this.at(node)},T)`);
  }

  /** Positional and keyword arguments as two parameters. */
  protected argumentCode(args: Arguments, frame: Frame, caller?: string, first?: string): string {
    const positional = args.args.map((arg) => this.code(arg, frame));
    if (first !== undefined) positional.unshift(first);
    if (args.dynArgs) positional.push(`...R.spread(${this.code(args.dynArgs, frame)})`);
    const named = args.kwargs.map(({ name, value }) => `[${JSON.stringify(name)},${this.code(value, frame)}]`);
    if (caller !== undefined) named.push(`["caller",${caller}]`);
    let kwargs = named.length === 0 ? 'undefined' : `new Map([${named.join(',')}])`;
    if (args.dynKwargs) kwargs = `R.mergeKwargs(${kwargs},${this.code(args.dynKwargs, frame)})`;
    return `[${positional.join(',')}],${kwargs}`;
  }

  protected compileFilterCall(node: FilterNode, frame: Frame): void {
    this._emit(this.filterCode(node, frame, undefined));
  }

  /** A filter; `body` is the text of the block it belongs to. */
  protected filterCode(node: FilterNode, frame: Frame, body: string | undefined): string {
    const value = node.target
      ? node.target.typename === 'FilterCall' && body !== undefined
        ? this.filterCode(node.target, frame, body)
        : this.code(node.target, frame)
      : body!;
    return this.#namedCall('filter', node, frame, value);
  }

  protected compileTestCall(node: TestNode, frame: Frame): void {
    this._emit(`R.truth(${this.#namedCall('test', node, frame, this.code(node.target, frame))})`);
  }

  #namedCall(kind: 'filter' | 'test', node: FilterNode | TestNode, frame: Frame, value: string): string {
    const known = (kind === 'filter' ? this.names.filters : this.names.tests).get(node.name);
    const args = `${this.argumentCode(node.arguments, frame, undefined, value)},${this.at(node)}`;
    if (known) {
      const call = `${this.constant(known)}.call(E,${args})`;
      return known.mayWait ? this.waits(call) : this.rests(call);
    }
    if (!frame.soft) {
      const position = { line: node.lineno, column: node.colno };
      const message = `No ${kind} named '${node.name}'.`;
      throw new SyntaxFault(message, position, 'assertion', `${kind}:${node.name}`);
    }
    return `E.no${kind === 'filter' ? 'Filter' : 'Test'}(${JSON.stringify(node.name)},${args})`;
  }
}

/** A scope inside `frame`'s, writing to the same buffer. */
export function innerFrame(frame: Frame, changes: Partial<Frame> = {}): Frame {
  return { ...frame, toplevel: false, rootlevel: false, scope: frame.scope.inner(), ...changes };
}

/** The outermost frame of a function. */
export function rootFrame(identifiers: Identifiers, buffers: { out: string; marks: string }, toplevel: boolean): Frame {
  const scope = new Scope(undefined, identifiers);
  return { ...buffers, scope, toplevel, rootlevel: toplevel, inLoop: false, autoescape: false, soft: false };
}
