import { Secret } from '../kernel/index.ts';
import { PyMap } from './map.ts';
import { PySet } from './set.ts';
import { integer, PyDate, PyFloat, PyTuple, type Value } from './values.ts';

/** JavaScript data without Python's distinctions; what module arguments are parsed from. Secrets stay sealed. */
export type PlainValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | Secret
  | PlainValue[]
  | { [key: string]: PlainValue };

/** Drops Python's distinctions: floats and big integers become numbers, tuples and sets arrays, mappings objects. */
export function toPlain(value: Value): PlainValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number')
    return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof PyFloat) return value.value;
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof PyTuple) return value.items.map(toPlain);
  if (value instanceof PySet) return [...value].map(toPlain);
  if (value instanceof PyDate) return value.iso;
  if (value instanceof PyMap) {
    return Object.fromEntries(
      [...value].map(([key, item]) => [typeof key === 'string' ? key : keyText(key), toPlain(item)]),
    );
  }
  return value;
}

/** The value of JavaScript data: objects become mappings, `undefined` members are left out, integral numbers are ints. */
export function fromPlain(plain: unknown): Value {
  if (plain === null || plain === undefined) return null;
  switch (typeof plain) {
    case 'boolean':
    case 'string':
    case 'number':
      return plain;
    case 'bigint':
      return integer(plain);
    case 'object':
      return fromObject(plain);
    default:
      return String(plain);
  }
}

function fromObject(plain: object): Value {
  if (Array.isArray(plain)) return plain.map(fromPlain);
  if (isBoxed(plain)) return plain;
  if (plain instanceof Date) return new PyDate('datetime', plain.toISOString());
  const map = new PyMap();
  const entries = plain instanceof Map ? plain.entries() : Object.entries(plain);
  for (const [key, item] of entries) if (item !== undefined) map.set(fromPlain(key), fromPlain(item));
  return map;
}

function isBoxed(plain: object): plain is PyMap | PySet | PyTuple | PyFloat | PyDate | Uint8Array | Secret {
  return [PyMap, PySet, PyTuple, PyFloat, PyDate, Uint8Array, Secret].some((type) => plain instanceof type);
}

function keyText(key: Value): string {
  if (key === true) return 'True';
  if (key === false) return 'False';
  return key === null ? 'None' : String(toPlain(key));
}
