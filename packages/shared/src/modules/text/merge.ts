import { PyMap, type Value } from '../../values/index.ts';

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
  if (mergeLists && Array.isArray(under) && Array.isArray(over))
    return [...under, ...over.filter((item) => !under.includes(item))];
  return over;
}
