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

/** `name`. */
export interface NameNode extends Base<'Name'> {
  name: string;
}
interface NamespaceRefNode extends Base<'NamespaceRef'> {
  name: string;
  attribute: string;
}
/** `1`, `'text'`, `none`. */
export interface LiteralNode extends Base<'Const'> {
  value: string | number | bigint | boolean | null | PyFloat;
}
/** `a, b`. */
export interface TupleNode extends Base<'Tuple'> {
  items: readonly Expression[];
}
/** `[a, b]`. */
export interface ListNode extends Base<'List'> {
  items: readonly Expression[];
}
/** `{a: b}`. */
export interface DictNode extends Base<'Mapping'> {
  pairs: readonly (readonly [Expression, Expression])[];
}
/** `yes if test else no`. */
export interface ConditionNode extends Base<'Condition'> {
  test: Expression;
  yes: Expression;
  no: Expression | undefined;
}
/** `left + right`. */
export interface BinaryNode extends Base<'Binary'> {
  operator: '+' | '-' | '*' | '/' | '//' | '%' | '**';
  left: Expression;
  right: Expression;
}
/** `-operand`, `not operand`. */
export interface UnaryNode extends Base<'Unary'> {
  operator: '-' | '+' | 'not';
  operand: Expression;
}
/** `left and right`; the right side is looked at only where it matters. */
export interface LogicNode extends Base<'Logic'> {
  operator: 'and' | 'or';
  left: Expression;
  right: Expression;
}
/** An operator of a comparison. */
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';
/** `first < second < third`: a chain. */
export interface ComparisonNode extends Base<'Comparison'> {
  first: Expression;
  rest: readonly { readonly operator: ComparisonOperator; readonly right: Expression }[];
}
/** `a ~ b ~ c`. */
export interface JoinNode extends Base<'Join'> {
  items: readonly Expression[];
}
/** `target.name`. */
export interface AttributeNode extends Base<'Attribute'> {
  target: Expression;
  name: string;
}
/** `target[key]`. */
export interface ItemNode extends Base<'Item'> {
  target: Expression;
  key: Expression;
}
interface SliceNode extends Base<'Slice'> {
  start: Expression | undefined;
  stop: Expression | undefined;
  step: Expression | undefined;
}
/** `target(…)`. */
export interface CallNode extends Base<'Call'> {
  target: Expression;
  arguments: Arguments;
}
/** `target | name(…)`. */
export interface FilterNode extends Base<'FilterCall'> {
  /** Undefined: the body of the block it belongs to. */
  target: Expression | undefined;
  name: string;
  arguments: Arguments;
}
/** `target is name(…)`. */
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

/** What stands between two tags. */
export type Body = readonly Statement[];
/** A macro's parameter. */
export interface Parameter {
  readonly name: string;
  readonly fallback: Expression | undefined;
}

/** Text outside of tags. */
export interface TextNode extends Base<'Text'> {
  text: string;
}
/** `{{ value }}`. */
export interface PrintNode extends Base<'Print'> {
  value: Expression;
}
/** `{% for target in iter if test %}…{% else %}…{% endfor %}`. */
export interface ForNode extends Base<'Loop'> {
  target: Target;
  iter: Expression;
  test: Expression | undefined;
  recursive: boolean;
  body: Body;
  otherwise: Body;
}
/** `{% if test %}…{% elif … %}…{% else %}…{% endif %}`. */
export interface IfNode extends Base<'Branch'> {
  test: Expression;
  body: Body;
  elifs: readonly IfNode[];
  otherwise: Body;
}
/** `{% block name %}…{% endblock %}`. */
export interface BlockNode extends Base<'BlockTag'> {
  name: string;
  body: Body;
  scoped: boolean;
  required: boolean;
}
/** `{% extends template %}`. */
export interface ExtendsNode extends Base<'ExtendsTag'> {
  template: Expression;
}
/** `{% include template %}`. */
export interface IncludeNode extends Base<'IncludeTag'> {
  template: Expression;
  withContext: boolean;
  ignoreMissing: boolean;
}
/** `{% import template as name %}`. */
export interface ImportNode extends Base<'ImportTag'> {
  template: Expression;
  name: string;
  withContext: boolean;
}
/** `{% from template import name as alias %}`. */
export interface FromImportNode extends Base<'FromImportTag'> {
  template: Expression;
  names: readonly { readonly name: string; readonly alias: string }[];
  withContext: boolean;
}
/** `{% set target = value %}`. */
export interface AssignNode extends Base<'Assign'> {
  target: Target;
  value: Expression;
}
/** `{% set target | filter %}…{% endset %}`. */
export interface AssignBlockNode extends Base<'AssignBlock'> {
  target: Target;
  filter: FilterNode | undefined;
  body: Body;
}
/** `{% macro name(parameters) %}…{% endmacro %}`. */
export interface MacroNode extends Base<'MacroTag'> {
  name: string;
  parameters: readonly Parameter[];
  body: Body;
}
/** `{% call(parameters) macro(…) %}…{% endcall %}`. */
export interface CallBlockNode extends Base<'CallTag'> {
  call: CallNode;
  parameters: readonly Parameter[];
  body: Body;
}
/** `{% filter name %}…{% endfilter %}`. */
export interface FilterBlockNode extends Base<'FilterTag'> {
  filter: FilterNode;
  body: Body;
}
/** `{% with target = value %}…{% endwith %}`. */
export interface WithNode extends Base<'WithTag'> {
  targets: readonly Target[];
  values: readonly Expression[];
  body: Body;
}
/** `{% autoescape value %}…{% endautoescape %}`. */
export interface AutoescapeNode extends Base<'AutoescapeTag'> {
  value: Expression;
  body: Body;
}
/** `{% do value %}`. */
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
