import { EdgeError } from '../../kernel/index.ts';
import { PyMap, PyTuple, type Value } from '../../values/index.ts';

/** The value at `a:b:0` in data: mapping keys (text, then number), list positions. Undefined when it leads nowhere. */
export function traverse(data: Value, path: string, delimiter = ':'): Value | undefined {
  let at: Value | undefined = data;
  for (const part of path.split(delimiter)) {
    if (at instanceof PyMap) at = at.has(part) || !/^-?\d+$/.test(part) ? at.get(part) : at.get(Number(part));
    else if (Array.isArray(at) || at instanceof PyTuple) at = listPart(Array.isArray(at) ? at : at.items, part);
    else return undefined;
  }
  return at;
}

/** As `traverse`, with an answer for a path that leads nowhere; nothing (null) is a value. */
export function traverseOr(data: Value, path: string, fallback: Value, delimiter = ':'): Value {
  const found = traverse(data, path, delimiter);
  return found === undefined ? fallback : found;
}

/** A list is entered by position, or through the first of its mappings that has the key. */
function listPart(list: readonly Value[], part: string): Value | undefined {
  if (/^-?\d+$/.test(part)) return list.at(Number(part));
  return list.find((item): item is PyMap => item instanceof PyMap && item.has(part))?.get(part);
}

/** Keys of the mapping at a path. @throws EdgeError `EDGE_BAD_ARGUMENT` when it is no mapping. */
export function keysAt(data: Value, path: string, delimiter: string, what: string): Value[] {
  const found = path === '' ? data : traverse(data, path, delimiter);
  if (found instanceof PyMap) return [...found.keys()];
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${what} ${path} is ${found === undefined ? 'not there' : 'no mapping'}`,
    { path },
    {
      hint: `${what}.items shows what there is.`,
    },
  );
}
