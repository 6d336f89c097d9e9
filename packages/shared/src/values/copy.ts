import { valuesEqual } from './equality.ts';
import { PyMap } from './map.ts';
import { PyTuple, type Value } from './values.ts';

/** The items of both lists; those of the later one that the earlier has are left out. */
export function joinLists(earlier: readonly Value[], later: readonly Value[]): Value[] {
  const joined = [...earlier];
  for (const item of later) if (!joined.some((known) => valuesEqual(known, item))) joined.push(item);
  return joined;
}

/** A copy that shares no mapping or list with the value; secrets stay sealed, marks of yamlex are dropped. */
export function copyValue<T extends Value>(value: T): T;
export function copyValue(value: Value): Value {
  if (value instanceof PyMap) return new PyMap([...value].map(([key, item]) => [key, copyValue(item)]));
  if (Array.isArray(value)) return Array.from(value, copyValue);
  return value instanceof PyTuple ? new PyTuple(value.items.map(copyValue)) : value;
}
