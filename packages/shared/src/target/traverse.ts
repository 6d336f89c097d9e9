import { PyMap, PyTuple, type Value } from '../values/index.ts';

/**
 * Follows a path through mappings and lists: `a:b:0`. In a list a number is an index (negative ones count from the end)
 * and any other name is looked for in the mappings the list holds. Undefined: the path leads nowhere.
 * (Salt 3006 utils/data.py, traverse_dict_and_list.)
 */
export function traverse(data: Value, path: string, delimiter = ':'): Value | undefined {
  let here: Value | undefined = data;
  for (const step of path.split(delimiter)) {
    if (Array.isArray(here)) here = stepIntoList(here, step);
    else if (here instanceof PyMap)
      here = here.has(step) || !/^-?\d+$/.test(step) ? here.get(step) : here.get(Number(step));
    else return undefined;
    if (here === undefined) return undefined;
  }
  return here;
}

function stepIntoList(list: readonly Value[], step: string): Value | undefined {
  const index = /^\s*[+-]?\d+\s*$/.test(step) ? Number(step) : undefined;
  for (const item of list) {
    const found = item instanceof PyMap ? item.get(index ?? step) : undefined;
    if (found !== undefined) return found;
  }
  return index === undefined ? undefined : list.at(index);
}

/** Items of a list or tuple; undefined for anything else. */
export function sequenceOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  return value instanceof PyTuple ? value.items : undefined;
}
