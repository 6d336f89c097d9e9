import type { TargetType } from '../protocol/plain/index.ts';

/** Where a part stands in the expression, in UTF-16 units; `end` is the first unit after it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A target as parsed; plain data, so it can be stored and compared. */
export type TargetExpression =
  | { readonly kind: 'glob'; readonly pattern: string; readonly at: Span }
  | { readonly kind: 'pcre'; readonly pattern: string; readonly at: Span }
  | { readonly kind: 'list'; readonly ids: readonly string[]; readonly at: Span }
  | DataTarget
  | { readonly kind: 'ipcidr'; readonly network: string; readonly at: Span }
  | { readonly kind: 'nodegroup'; readonly name: string; readonly at: Span }
  | { readonly kind: 'range'; readonly range: string; readonly at: Span }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly TargetExpression[]; readonly at: Span }
  | { readonly kind: 'not'; readonly operand: TargetExpression; readonly at: Span };

/** `key:sub:value` in grains or pillar. */
export interface DataTarget {
  readonly kind: 'grain' | 'grain_pcre' | 'pillar' | 'pillar_pcre' | 'pillar_exact';
  readonly path: string;
  readonly delimiter: string;
  readonly at: Span;
}

/** Letters of the engines of compound targets. */
export const ENGINES: Readonly<Record<string, Exclude<TargetType, 'glob' | 'compound' | 'pillar_exact'>>> = {
  E: 'pcre',
  G: 'grain',
  I: 'pillar',
  J: 'pillar_pcre',
  L: 'list',
  N: 'nodegroup',
  P: 'grain_pcre',
  R: 'range',
  S: 'ipcidr',
};

/**
 * Writes a target as a compound expression that parses to the same tree. `pillar_exact` has no letter in compound
 * targets and is written as its bare path.
 */
export function printTarget(target: TargetExpression): string {
  switch (target.kind) {
    case 'glob':
      return target.pattern;
    case 'pcre':
      return `E@${target.pattern}`;
    case 'list':
      return `L@${target.ids.join(',')}`;
    case 'ipcidr':
      return `S@${target.network}`;
    case 'nodegroup':
      return `N@${target.name}`;
    case 'range':
      return `R@${target.range}`;
    case 'and':
    case 'or':
      return target.operands.map((operand) => printOperand(operand, target.kind)).join(` ${target.kind} `);
    case 'not':
      return `not ${printOperand(target.operand, 'not')}`;
    default:
      return printData(target);
  }
}

function printData(target: DataTarget): string {
  const letter = Object.keys(ENGINES).find((key) => ENGINES[key] === target.kind);
  const delimiter = target.delimiter === ':' ? '' : target.delimiter;
  return letter === undefined ? target.path : `${letter}${delimiter}@${target.path}`;
}

function printOperand(operand: TargetExpression, outer: 'and' | 'or' | 'not'): string {
  const tighter =
    operand.kind === 'and' ? outer === 'or' : operand.kind === 'not' ? outer !== 'not' : operand.kind !== 'or';
  return tighter ? printTarget(operand) : `( ${printTarget(operand)} )`;
}
