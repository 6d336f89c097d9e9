import type { Diagnostic } from '@edge-run/shared/kernel';
import { problemsOf, type Unit } from '../unit.ts';
import { commandNone } from './command-none.ts';
import { commandSleeps } from './command-sleeps.ts';
import { commandUnguarded } from './command-unguarded.ts';
import { unknownLoadBalancer } from './load-balancer.ts';
import { moduleCallProblems } from './module-calls.ts';
import { revisionUnquoted } from './revision-unquoted.ts';
import type { Rule, RuleContext } from './rule.ts';
import { slsNotFound } from './sls-names.ts';
import { sourceMissing } from './source-missing.ts';
import { stepCallProblems } from './step-calls.ts';
import { stepNotRequired } from './step-not-required.ts';
import { targetMatchesNothing, targetNodegroup, targetSyntax } from './step-targets.ts';

export { numbersIn } from './revision-unquoted.ts';
export type { RuleContext } from './rule.ts';
export { isKnownSls, namesOf } from './sls-names.ts';

/** Every rule, in no order that matters. */
export const RULES: readonly Rule[] = [
  commandNone,
  commandSleeps,
  commandUnguarded,
  revisionUnquoted,
  slsNotFound,
  sourceMissing,
  stepNotRequired,
  targetMatchesNothing,
  targetNodegroup,
  targetSyntax,
  unknownLoadBalancer,
];

/** What the rules find in a unit. */
export async function applyRules(unit: Unit, context: RuleContext): Promise<readonly Diagnostic[]> {
  const found: Diagnostic[] = [];
  for (const { code, severity, units, find } of RULES) {
    if (!units.includes(unit.kind)) continue;
    try {
      for (const finding of await find(unit, context)) found.push({ severity, code, ...finding });
    } catch (error) {
      found.push(...problemsOf(error, unit.chunks[0]?.place));
    }
  }
  found.push(...moduleCallProblems(unit, context));
  return unit.kind === 'orchestration' ? [...found, ...(await stepCallProblems(unit, context))] : found;
}
