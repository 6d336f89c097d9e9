import { EdgeError } from '../../kernel/index.ts';
import { PyMap, traverse, type Value } from '../../values/index.ts';

/** As `traverse`, with an answer for a path that leads nowhere; nothing (null) is a value. */
export function traverseOr(data: Value, path: string, fallback: Value, delimiter = ':'): Value {
  const found = traverse(data, path, delimiter);
  return found === undefined ? fallback : found;
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
