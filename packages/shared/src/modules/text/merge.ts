import { EdgeError } from '../../kernel/index.ts';
import { joinLists, PyMap, type Value } from '../../values/index.ts';

/** Salt's `dictupdate.update`: `over` wins, mappings are merged level by level, lists replaced or, where asked, joined. */
export function mergeRecursive(under: Value, over: Value, mergeLists: boolean): Value {
  if (under instanceof PyMap && over instanceof PyMap) {
    const merged = new PyMap(under);
    for (const [key, value] of over) {
      const below = merged.get(key);
      merged.set(key, below === undefined ? value : mergeRecursive(below, value, mergeLists));
    }
    return merged;
  }
  if (mergeLists && Array.isArray(under) && Array.isArray(over)) return joinLists(under, over);
  return over;
}

/**
 * Merges into `dest` itself, as Salt's `dictupdate.update` does: templates rely on the change. `over` wins, mappings are
 * merged level by level, lists replaced or, where asked, joined. @throws EdgeError where either is no mapping
 */
export function updateInPlace(dest: Value, over: Value, mergeLists: boolean): PyMap {
  if (!(dest instanceof PyMap) || !(over instanceof PyMap))
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      'only mappings can be merged',
      {},
      { hint: 'Look at what the two sides are: an empty YAML key is nothing, not an empty mapping.' },
    );
  for (const [key, value] of over) {
    const below = dest.get(key);
    if (below instanceof PyMap && value instanceof PyMap) updateInPlace(below, value, mergeLists);
    else if (mergeLists && Array.isArray(below) && Array.isArray(value)) dest.set(key, joinLists(below, value));
    else dest.set(key, value);
  }
  return dest;
}
