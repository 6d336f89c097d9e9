import nunjucksNodes, { type Node } from 'nunjucks/src/nodes.js';
import type { PyFloat } from '../../../values/index.ts';

/*
 * The syntax tree of Jinja2. nunjucks supplies the node base class and the plumbing that dispatches on `typename`;
 * the members are Jinja's, because nunjucks' own nodes cannot express its grammar.
 */

/** Members every node has; `lineno` and `colno` count from 1. */
interface Base<T extends string> extends Node {
  readonly typename: T;
}

/** Arguments of a call, filter or test. */
export interface Arguments {
  readonly args: readonly Expression[];
  readonly kwargs: readonly { readonly name: string; readonly value: Expression }[];
  readonly dynArgs: Expression | undefined;
  readonly dynKwargs: Expression | undefined;
}

export interface NameNode extends Base<'Name'> {
  name: string;
}
interface NamespaceRefNode extends Base<'NamespaceRef'> {
  name: string;
  attribute: string;
}
export interface LiteralNode extends Base<'Const'> {
  value: string | number | bigint | boolean | null | PyFloat;
}
export interface TupleNode extends Base<'Tuple'> {
  items: readonly Expression[];
}
export interface ListNode extends Base<'List'> {
  items: readonly Expression[];
}
export interface DictNode extends Base<'Mapping'> {
  pairs: readonly (readonly [Expression, Expression])[];
}
export interface ConditionNode extends Base<'Condition'> {
  test: Expression;
  yes: Expression;
  no: Expression | undefined;
}
export interface BinaryNode extends Base<'Binary'> {
  operator: '+' | '-' | '*' | '/' | '//' | '%' | '**';
  left: Expression;
  right: Expression;
}
export interface UnaryNode extends Base<'Unary'> {
  operator: '-' | '+' | 'not';
  operand: Expression;
}
export interface LogicNode extends Base<'Logic'> {
  operator: 'and' | 'or';
  left: Expression;
  right: Expression;
}
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';
export interface ComparisonNode extends Base<'Comparison'> {
  first: Expression;
  rest: readonly { readonly operator: ComparisonOperator; readonly right: Expression }[];
}
export interface JoinNode extends Base<'Join'> {
  items: readonly Expression[];
}
export interface AttributeNode extends Base<'Attribute'> {
  target: Expression;
  name: string;
}
export interface ItemNode extends Base<'Item'> {
  target: Expression;
  key: Expression;
}
interface SliceNode extends Base<'Slice'> {
  start: Expression | undefined;
  stop: Expression | undefined;
  step: Expression | undefined;
}
export interface CallNode extends Base<'Call'> {
  target: Expression;
  arguments: Arguments;
}
export interface FilterNode extends Base<'FilterCall'> {
  /** Undefined: the body of the block it belongs to. */
  target: Expression | undefined;
  name: string;
  arguments: Arguments;
}
export interface TestNode extends Base<'TestCall'> {
  target: Expression;
  name: string;
  arguments: Arguments;
}

/** Anything that has a value. */
export type Expression =
  | NameNode
  | NamespaceRefNode
  | LiteralNode
  | TupleNode
  | ListNode
  | DictNode
  | ConditionNode
  | BinaryNode
  | UnaryNode
  | LogicNode
  | ComparisonNode
  | JoinNode
  | AttributeNode
  | ItemNode
  | SliceNode
  | CallNode
  | FilterNode
  | TestNode;

/** What can be assigned to. */
export type Target = NameNode | NamespaceRefNode | TupleNode | ListNode;

export type Body = readonly Statement[];
/** A macro's parameter. */
export interface Parameter {
  readonly name: string;
  readonly fallback: Expression | undefined;
}

export interface TextNode extends Base<'Text'> {
  text: string;
}
export interface PrintNode extends Base<'Print'> {
  value: Expression;
}
export interface ForNode extends Base<'Loop'> {
  target: Target;
  iter: Expression;
  test: Expression | undefined;
  recursive: boolean;
  body: Body;
  otherwise: Body;
}
export interface IfNode extends Base<'Branch'> {
  test: Expression;
  body: Body;
  elifs: readonly IfNode[];
  otherwise: Body;
}
export interface BlockNode extends Base<'BlockTag'> {
  name: string;
  body: Body;
  scoped: boolean;
  required: boolean;
}
export interface ExtendsNode extends Base<'ExtendsTag'> {
  template: Expression;
}
export interface IncludeNode extends Base<'IncludeTag'> {
  template: Expression;
  withContext: boolean;
  ignoreMissing: boolean;
}
export interface ImportNode extends Base<'ImportTag'> {
  template: Expression;
  name: string;
  withContext: boolean;
}
export interface FromImportNode extends Base<'FromImportTag'> {
  template: Expression;
  names: readonly { readonly name: string; readonly alias: string }[];
  withContext: boolean;
}
export interface AssignNode extends Base<'Assign'> {
  target: Target;
  value: Expression;
}
export interface AssignBlockNode extends Base<'AssignBlock'> {
  target: Target;
  filter: FilterNode | undefined;
  body: Body;
}
export interface MacroNode extends Base<'MacroTag'> {
  name: string;
  parameters: readonly Parameter[];
  body: Body;
}
export interface CallBlockNode extends Base<'CallTag'> {
  call: CallNode;
  parameters: readonly Parameter[];
  body: Body;
}
export interface FilterBlockNode extends Base<'FilterTag'> {
  filter: FilterNode;
  body: Body;
}
export interface WithNode extends Base<'WithTag'> {
  targets: readonly Target[];
  values: readonly Expression[];
  body: Body;
}
export interface AutoescapeNode extends Base<'AutoescapeTag'> {
  value: Expression;
  body: Body;
}
export interface DoNode extends Base<'DoTag'> {
  value: Expression;
}
interface BreakNode extends Base<'BreakTag'> {}
interface ContinueNode extends Base<'ContinueTag'> {}

/** Anything that stands in a template's body. */
export type Statement =
  | TextNode
  | PrintNode
  | ForNode
  | IfNode
  | BlockNode
  | ExtendsNode
  | IncludeNode
  | ImportNode
  | FromImportNode
  | AssignNode
  | AssignBlockNode
  | MacroNode
  | CallBlockNode
  | FilterBlockNode
  | WithNode
  | AutoescapeNode
  | DoNode
  | BreakNode
  | ContinueNode;

type AnyNode = Expression | Statement;
type Members<N> = Omit<N, keyof Node>;

const classes = new Map<string, typeof Node>();

/** Builds a node of the class `typename` at the place of `at`. */
export function make<T extends AnyNode['typename']>(
  typename: T,
  at: { readonly lineno: number; readonly colno: number },
  members: Members<Extract<AnyNode, { typename: T }>>,
): Extract<AnyNode, { typename: T }> {
  let type = classes.get(typename);
  if (!type) {
    type = nunjucksNodes.Node.extend(typename, { fields: [] });
    classes.set(typename, type);
  }
  return Object.assign(new type(at.lineno, at.colno), members) as unknown as Extract<AnyNode, { typename: T }>;
}

/** The expressions directly inside one. */
export function partsOf(node: Expression): readonly Expression[] {
  switch (node.typename) {
    case 'Name':
    case 'NamespaceRef':
    case 'Const':
      return [];
    case 'Tuple':
    case 'List':
    case 'Join':
      return node.items;
    case 'Mapping':
      return node.pairs.flat();
    case 'Condition':
      return node.no ? [node.test, node.yes, node.no] : [node.test, node.yes];
    case 'Binary':
    case 'Logic':
      return [node.left, node.right];
    case 'Unary':
      return [node.operand];
    case 'Comparison':
      return [node.first, ...node.rest.map(({ right }) => right)];
    case 'Attribute':
      return [node.target];
    case 'Item':
      return [node.target, node.key];
    case 'Slice':
      return [node.start, node.stop, node.step].filter((part) => part !== undefined);
    case 'Call':
    case 'TestCall':
      return [node.target, ...argumentParts(node.arguments)];
    case 'FilterCall':
      return node.target ? [node.target, ...argumentParts(node.arguments)] : argumentParts(node.arguments);
  }
}

function argumentParts({ args, kwargs, dynArgs, dynKwargs }: Arguments): Expression[] {
  const parts = [...args, ...kwargs.map(({ value }) => value)];
  if (dynArgs) parts.push(dynArgs);
  if (dynKwargs) parts.push(dynKwargs);
  return parts;
}
