import type { Diagnostic } from '@edge-run/shared/kernel';
import { moduleCalls } from '@edge-run/shared/modules/states';
import { callProblems } from '@edge-run/shared/orchestration';
import type { Unit } from '../unit.ts';
import type { RuleContext } from './rule.ts';

const NO_PYTHON =
  'Edge runs no Python, so nothing of _modules. A host tells what it has: edge-run HOST sys.list_functions';

/**
 * What is wrong with the functions that `module.run` calls: names nobody has, arguments they do not take. On a host the
 * state would fail when its turn comes.
 */
export function moduleCallProblems(unit: Unit, { workshop }: Pick<RuleContext, 'workshop'>): readonly Diagnostic[] {
  return unit.chunks
    .filter(({ state }) => state === 'module')
    .flatMap((chunk) =>
      moduleCalls(chunk.args).flatMap(({ fun, args, kwargs }) =>
        callProblems(chunk, fun, { args, kwargs: new Map(Object.entries(kwargs)) }, workshop.catalog),
      ),
    )
    .filter(({ severity }) => severity === 'error')
    .map((found) =>
      found.code === 'EDGE_UNKNOWN_FUNCTION' && found.detail === '' ? { ...found, detail: NO_PYTHON } : found,
    );
}
