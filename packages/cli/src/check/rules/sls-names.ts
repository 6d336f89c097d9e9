import { keywordsOf } from '@edge-run/shared/orchestration';
import { didYouMean } from '@edge-run/shared/schema';
import { type Chunk, isOpen } from '@edge-run/shared/state';
import { isGlob } from '@edge-run/shared/target';
import type { Value } from '@edge-run/shared/values';
import { finding, type Rule } from './rule.ts';

/** SLS files and orchestrations that steps name and that are not there. */
export const slsNotFound: Rule = {
  code: 'EDGE_SLS_NOT_FOUND',
  severity: 'error',
  units: ['orchestration'],
  find: (unit, { slsNames }) =>
    unit.chunks.flatMap((chunk) => {
      const { names, argument, env } = namedBy(chunk);
      const known = slsNames.get(env);
      if (known === undefined) return [];
      return names
        .filter((name) => !isGlob(name) && !isKnownSls(name, known))
        .map((name) => finding(`no SLS \`${name}\` in ${env}`, didYouMean(name, known), unit.placeOf(chunk, argument)));
    }),
};

/** True when the name, or the same below `orch`, is there. */
export function isKnownSls(name: string, known: readonly string[]): boolean {
  const dotted = name.replaceAll('/', '.');
  return known.includes(dotted) || known.includes(`orch.${dotted}`);
}

function namedBy(chunk: Chunk): { readonly names: readonly string[]; readonly argument: string; readonly env: string } {
  const { args } = chunk;
  const kind = `${chunk.state}.${chunk.fun}`;
  const env = (value: Value | undefined): string => (typeof value === 'string' ? value : 'base');
  if (kind === 'salt.state') return { names: namesOf(args.get('sls')), argument: 'sls', env: env(args.get('saltenv')) };
  if (kind !== 'salt.runner' || !/^state\.(?:orch|orchestrate|sls)$/.test(String(chunk.name))) {
    return { names: [], argument: '', env: 'base' };
  }
  const given = keywordsOf(args, args.get('kwarg'));
  return { names: namesOf(given.get('mods')), argument: 'mods', env: env(given.get('saltenv')) };
}

/** A list, or names with commas between; those only known at run time are left out. */
export function namesOf(value: Value | undefined): readonly string[] {
  const names = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value.map(String) : [];
  return names.map((name) => name.trim()).filter((name) => name !== '' && !isOpen(name));
}
