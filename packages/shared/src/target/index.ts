export { type Amount, amountAmong, readAmount } from './amount.ts';
export { explainMatch, type MatchReason } from './explain.ts';
export {
  type DataTarget,
  printTarget,
  type Span,
  type TargetExpression,
} from './expression.ts';
export { compileGlob, globMatches, isGlob } from './glob.ts';
export { compileMatcher, matchTarget, type TargetContext, type TargetMatcher, type TargetSubject } from './match.ts';
export { isTargetType, type ParseTargetOptions, parseTarget } from './parse.ts';
export { compilePythonPattern, PatternError, type PythonPattern } from './python-pattern.ts';
export { exactPillars, type RewriteTarget, type Selection, selectTargets } from './select.ts';
