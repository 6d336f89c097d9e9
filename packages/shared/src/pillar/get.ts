import { EdgeError } from '../kernel/index.ts';
import { copyValue, joinLists, PyMap, traverse, type Value } from '../values/index.ts';
import { mergeMaps } from './merge.ts';

/** How a path into the pillar is followed, as the arguments of `pillar.get`. */
export interface PillarGetOptions {
  /** Merges the pillar's mapping or list over the default, when both are of that kind. */
  readonly merge?: boolean;
  /** Joins lists inside merged mappings (`merge_nested_lists`, or else `pillar_merge_lists`). */
  readonly mergeNestedLists?: boolean;
  /** Separates the keys of a path; `:` by default. */
  readonly delimiter?: string;
  /** Without a default, a missing key is an error instead of an empty text (`pillar_raise_on_missing`). */
  readonly raiseOnMissing?: boolean;
}

/**
 * The value at a path such as `a:b:0`, as Salt's `pillar.get`: a key that is there counts even if it is null. What it
 * answers may be part of the pillar, and is a copy where it was merged.
 *
 * @throws EdgeError `EDGE_PILLAR_KEY_NOT_FOUND` with `raiseOnMissing` and no default
 */
export function pillarGet(pillar: PyMap, path: string, fallback?: Value, options: PillarGetOptions = {}): Value {
  const found = traverse(pillar, path, options.delimiter);
  if (options.merge) {
    if (fallback instanceof PyMap && (found === undefined || found instanceof PyMap)) {
      return copyValue(mergeMaps(fallback, found ?? new PyMap(), options.mergeNestedLists ?? false));
    }
    if (Array.isArray(fallback) && (found === undefined || Array.isArray(found))) {
      return copyValue(joinLists(fallback, found ?? []));
    }
  }
  if (found !== undefined) return found;
  if (fallback !== undefined) return fallback;
  if (!options.raiseOnMissing) return '';
  throw new EdgeError('EDGE_PILLAR_KEY_NOT_FOUND', `pillar key not found: ${path}`, { path });
}
