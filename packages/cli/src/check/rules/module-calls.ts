import type { Diagnostic } from '@edge-run/shared/kernel';
import { moduleCalls } from '@edge-run/shared/modules/states';
import { didYouMean, parseArguments } from '@edge-run/shared/schema';
import { isOpen } from '@edge-run/shared/state';
import type { Unit } from '../unit.ts';
import type { RuleContext } from './rule.ts';

const NO_PYTHON =
  'Edge runs no Python, so nothing of _modules. A host tells what it has: edge-run HOST sys.list_functions';

/**
 * What is wrong with the functions that `module.run` calls: names nobody has, arguments they do not take. On a host the
 * state would fail when its turn comes.
 */
export function moduleCallProblems(unit: Unit, { workshop }: Pick<RuleContext, 'workshop'>): readonly Diagnostic[] {
  const { functions } = workshop.catalog;
  return unit.chunks
    .filter(({ state }) => state === 'module')
    .flatMap(({ args: given, place }) => {
      const placed = place === undefined ? {} : { source: place };
      return moduleCalls(given).flatMap(({ fun, args, kwargs }): readonly Diagnostic[] => {
        const declaration = functions.get(fun);
        if (declaration === undefined) {
          const detail = didYouMean(fun, functions.keys()) || NO_PYTHON;
          const summary = `no function \`${fun}\``;
          return [{ severity: 'error', code: 'EDGE_UNKNOWN_FUNCTION', summary, detail, ...placed }];
        }
        if ([...args, ...Object.values(kwargs)].some(isOpen)) return [];
        const { diagnostics } = parseArguments(declaration, { args, kwargs: new Map(Object.entries(kwargs)) });
        return diagnostics.flatMap((found) => (found.severity === 'error' ? [{ ...found, ...placed }] : []));
      });
    });
}
