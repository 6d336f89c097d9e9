import { aggregate } from '../render/index.ts';
import { joinLists, PyMap } from '../values/index.ts';

/** How the pillars of several files become one (`pillar_source_merging_strategy`). */
export const MERGE_STRATEGIES = ['smart', 'recurse', 'aggregate', 'list', 'overwrite', 'none'] as const;
/** A value of `pillar_source_merging_strategy`. */
export type MergeStrategy = (typeof MERGE_STRATEGIES)[number];

/** How one pillar mapping is laid over another. */
export interface MergeOptions {
  readonly strategy: MergeStrategy;
  /** The `renderer` option: `smart` aggregates under yamlex renderers and recurses under all others. */
  readonly renderer?: string;
  /** Lists of both sides are joined (`pillar_merge_lists`), by `smart`, `recurse` and `overwrite`. */
  readonly mergeLists?: boolean;
}

/** Merges `later` over `earlier`; neither is changed. (Salt 3006 utils/dictupdate.py, merge.) */
export function mergePillars(earlier: PyMap, later: PyMap, options: MergeOptions): PyMap {
  const mergeLists = options.mergeLists ?? false;
  switch (effectiveStrategy(options)) {
    case 'recurse':
      return mergeMaps(earlier, later, mergeLists);
    case 'none':
      return mergeMaps(earlier, later, false);
    case 'overwrite':
      return new PyMap([...earlier, ...later]);
    case 'list':
      return pairUp(earlier, later);
    case 'aggregate':
      return aggregate(earlier, later, 1) as PyMap;
  }
}

/** Merges mapping into mapping; where either side is none, the later one wins. Lists are replaced, or joined on request. */
export function mergeMaps(earlier: PyMap, later: PyMap, mergeLists: boolean): PyMap {
  const merged = new PyMap(earlier);
  for (const [key, after] of later) {
    const before = earlier.get(key);
    if (before instanceof PyMap && after instanceof PyMap) merged.set(key, mergeMaps(before, after, mergeLists));
    else if (mergeLists && Array.isArray(before) && Array.isArray(after)) merged.set(key, joinLists(before, after));
    else merged.set(key, after);
  }
  return merged;
}

function effectiveStrategy({ strategy, renderer = 'jinja|yaml' }: MergeOptions): Exclude<MergeStrategy, 'smart'> {
  if (strategy !== 'smart') return strategy;
  const last = renderer.split('|').at(-1)!;
  return last === 'yamlex' || renderer.startsWith('yamlex_') ? 'aggregate' : 'recurse';
}

/** Keys of both sides hold the list of their two values. */
function pairUp(earlier: PyMap, later: PyMap): PyMap {
  const paired = new PyMap(earlier);
  for (const [key, after] of later) {
    const before = earlier.get(key);
    paired.set(key, before === undefined ? after : [before, after]);
  }
  return paired;
}
