import { PyMap } from './map.ts';
import { PySet } from './set.ts';
import { isFloat, isInteger, PyDate, PyFloat, PyTuple, type Value } from './values.ts';

/** Python's `==`: numbers and booleans compare by value, mappings whatever their order, lists never equal tuples. */
export function valuesEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same value are equal
  if (isNumeric(a) && isNumeric(b)) return numberOf(a) == numberOf(b);
  if (Array.isArray(a)) return Array.isArray(b) && sequencesEqual(a, b);
  if (a instanceof PyTuple) return b instanceof PyTuple && sequencesEqual(a.items, b.items);
  if (a instanceof PyMap)
    return b instanceof PyMap && a.size === b.size && [...a].every(([key, item]) => memberEqual(item, b.get(key)));
  if (a instanceof PySet) return b instanceof PySet && a.size === b.size && [...a].every((item) => b.has(item));
  if (a instanceof PyDate) return b instanceof PyDate && a.iso === b.iso;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  return false;
}

function memberEqual(a: Value, b: Value | undefined): boolean {
  return b !== undefined && valuesEqual(a, b);
}

function sequencesEqual(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, index) => valuesEqual(item, b[index]!));
}

function isNumeric(value: Value): value is number | bigint | boolean | PyFloat {
  return typeof value === 'boolean' || isInteger(value) || isFloat(value);
}

function numberOf(value: number | bigint | boolean | PyFloat): number | bigint {
  if (value instanceof PyFloat) return value.value;
  return typeof value === 'boolean' ? Number(value) : value;
}
