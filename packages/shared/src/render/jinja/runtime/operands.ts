import { PyFloat, PyMap, PySet, PyTuple, type Value } from '../../../values/index.ts';
import { type PyFault, typeError } from './fault.ts';
import { Later } from './later.ts';
import { DictView, Markup, PyRange, typeName, Undefined } from './types.ts';

/** Python's truth of a value. */
export function truth(value: unknown): boolean {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      return value !== '';
    case 'number':
      return value !== 0;
    case 'bigint':
      return value !== 0n;
    case 'object':
      return value !== null && truthOfObject(value);
    default:
      return value !== undefined;
  }
}

function truthOfObject(value: object): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof PyMap || value instanceof PySet) return value.size > 0;
  if (value instanceof PyTuple) return value.items.length > 0;
  if (value instanceof Undefined) {
    if (value.strict) throw value.fault();
    return false;
  }
  if (value instanceof Markup) return value.text !== '';
  if (value instanceof PyFloat) return value.value !== 0;
  if (value instanceof DictView || value instanceof PyRange || value instanceof Uint8Array) return value.length > 0;
  if (value instanceof Later) throw value.fault();
  return true;
}

/** What Python computes with. */
export type Numeric = number | bigint | PyFloat;

/** The number a value is, booleans included; undefined for others. */
export function numeric(value: unknown): Numeric | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (value instanceof PyFloat) return value;
  return typeof value === 'boolean' ? Number(value) : undefined;
}

/** True for Python floats. */
export function isFloating(value: Numeric): boolean {
  return value instanceof PyFloat || (typeof value === 'number' && !Number.isInteger(value));
}

/** The value as a JavaScript number. */
export function toNumber(value: Numeric): number {
  return value instanceof PyFloat ? value.value : Number(value);
}

/** The value itself. @throws PyFault where it is undefined. */
export function failing(value: unknown): unknown {
  if (value instanceof Undefined) throw value.fault();
  return value;
}

/** The fault of an operator that does not fit its operands. */
export function unsupported(operator: string, left: unknown, right: unknown): PyFault {
  failing(left);
  failing(right);
  return typeError(`unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`);
}

/** A set, or the keys of a mapping as one; undefined for anything else. */
export function setOf(value: unknown): PySet | undefined {
  if (value instanceof PySet) return value;
  return value instanceof DictView && value.kind !== 'values' ? new PySet(value as Iterable<Value>) : undefined;
}

/** A whole number where Python asks for an index. */
export function index(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint') return value > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}
