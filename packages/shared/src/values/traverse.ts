import { PyMap } from './map.ts';
import type { Value } from './values.ts';
import { scalarValue } from './yaml-scalar.ts';
import { resolvePlain } from './yaml-tags.ts';

/**
 * Follows a path through mappings and lists: `a:b:0`. A mapping is asked for the key as text, then for what YAML reads
 * the text as (`1`, `true`, `null`). In a list a number is first a key of the mappings it holds and then a position,
 * negative ones from the end; any other name is a key of the first of its mappings that has it. Tuples and texts are not
 * entered. Undefined: the path leads nowhere; null is a value.
 * (Salt 3006 utils/data.py, traverse_dict_and_list.)
 */
export function traverse(data: Value, path: string, delimiter = ':'): Value | undefined {
  let here: Value | undefined = data;
  for (const step of path.split(delimiter)) {
    if (Array.isArray(here)) here = stepIntoList(here, step);
    else if (here instanceof PyMap) here = stepIntoMap(here, step);
    else return undefined;
    if (here === undefined) return undefined;
  }
  return here;
}

function stepIntoMap(map: PyMap, step: string): Value | undefined {
  if (map.has(step)) return map.get(step);
  // Digits with underscores stay text (salt.utils.args, yamlify_arg), and so does what is only white space.
  if (step.trim() === '' || /^\s*[0-9_]*_[0-9_]*\s*$/.test(step)) return undefined;
  const key = step === 'None' ? null : scalarValue(resolvePlain(step.trim()), step.trim());
  return key === undefined ? undefined : map.get(key);
}

/** What Python's `int()` reads. */
const INTEGER = /^\s*[+-]?\d+(?:_\d+)*\s*$/;

function stepIntoList(list: readonly Value[], step: string): Value | undefined {
  const index = INTEGER.test(step) ? Number(step.replaceAll('_', '')) : undefined;
  const key = index ?? step;
  const holder = list.find((item): item is PyMap => item instanceof PyMap && item.has(key));
  if (holder !== undefined) return holder.get(key);
  return index === undefined ? undefined : list.at(index);
}
