import { PyDate, PyFloat, PyMap, PySet, PyTuple } from '../../../values/index.ts';
import { hashable } from './comparison.ts';
import { PyFault } from './fault.ts';
import { BYTES_METHODS } from './methods/bytes.ts';
import { DICT_METHODS, LIST_METHODS, SET_METHODS, TUPLE_METHODS, VIEW_METHODS } from './methods/collections.ts';
import { DATE_METHODS, FLOAT_METHODS, INTEGER_METHODS } from './methods/numbers.ts';
import { TEXT_METHODS } from './methods/text.ts';
import { elementAt } from './slices.ts';
import {
  type Builtin,
  DictView,
  isCallable,
  Markup,
  Members,
  NamedTuple,
  Namespace,
  PyIterator,
  PyRange,
  Undefined,
} from './types.ts';

const NONE: ReadonlyMap<string, Builtin> = new Map();

/** Special names Python's objects have; reaching one is refused, where any other missing name is just undefined. */
const DUNDERS = new Set(
  'class delattr dict dir doc eq format ge getattribute getstate gt hash init init_subclass le lt module ne new reduce reduce_ex repr setattr sizeof str subclasshook'.split(
    ' ',
  ),
);
const CONTAINER_DUNDERS = new Set(
  'add contains getitem iter len mul rmul setitem delitem reversed iadd imul or ror ior getnewargs mod rmod class_getitem'.split(
    ' ',
  ),
);
const NUMBER_DUNDERS = new Set(
  'abs add and bool ceil divmod float floor floordiv index int invert lshift mod mul neg or pos pow radd rand rdivmod rfloordiv rlshift rmod rmul ror round rpow rrshift rshift rsub rtruediv rxor sub truediv trunc xor getnewargs'.split(
    ' ',
  ),
);

/** The method of `value` of that name. */
export function methodOf(value: unknown, name: string): Builtin | undefined {
  return methodsOf(value).get(name);
}

/** Every method of a value. */
function methodsOf(value: unknown): ReadonlyMap<string, Builtin> {
  switch (typeof value) {
    case 'string':
      return TEXT_METHODS;
    case 'number':
      return Number.isInteger(value) ? INTEGER_METHODS : FLOAT_METHODS;
    case 'bigint':
    case 'boolean':
      return INTEGER_METHODS;
    case 'object':
      return value === null ? NONE : objectMethods(value);
    default:
      return NONE;
  }
}

function objectMethods(value: object): ReadonlyMap<string, Builtin> {
  if (value instanceof PyMap) return DICT_METHODS;
  if (Array.isArray(value)) return LIST_METHODS;
  if (value instanceof Markup) return TEXT_METHODS;
  if (value instanceof PyTuple) return TUPLE_METHODS;
  if (value instanceof PySet) return SET_METHODS;
  if (value instanceof PyFloat) return FLOAT_METHODS;
  if (value instanceof Uint8Array) return BYTES_METHODS;
  if (value instanceof DictView) return value.kind === 'values' ? NONE : VIEW_METHODS;
  return value instanceof PyDate ? DATE_METHODS : NONE;
}

/** An attribute that is not a method; undefined when there is none. */
export function plainAttribute(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return numberAttribute(value, name);
  if (value instanceof Members) return value.attribute(name);
  if (value instanceof Namespace) return value.attributes.get(name);
  if (value instanceof NamedTuple) {
    const at = value.fields.indexOf(name);
    return at === -1 ? undefined : value.items[at];
  }
  if (value instanceof PyRange && (name === 'start' || name === 'stop' || name === 'step')) return value[name];
  if (value instanceof PyDate) return dateAttribute(value, name);
  if (value instanceof PyFloat) return name === 'real' ? value : name === 'imag' ? new PyFloat(0) : undefined;
  return undefined;
}

function numberAttribute(value: unknown, name: string): unknown {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean') return undefined;
  if (name === 'real' || name === 'numerator') return Number(value);
  return name === 'imag' ? 0 : name === 'denominator' ? 1 : undefined;
}

function dateAttribute(date: PyDate, name: string): unknown {
  const at = ['year', 'month', 'day', 'hour', 'minute', 'second'].indexOf(name);
  return at === -1 ? undefined : Number(date.iso.match(/\d+/g)![at] ?? 0);
}

/** True for a special name Python's object has. */
export function hasDunder(value: unknown, name: string): boolean {
  const inner = /^__(\w+)__$/.exec(name)?.[1];
  if (inner === undefined) return false;
  if (DUNDERS.has(inner)) return true;
  if (isCallable(value))
    return (
      inner === 'call' ||
      inner === 'globals' ||
      inner === 'code' ||
      inner === 'name' ||
      inner === 'closure' ||
      inner === 'self'
    );
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value instanceof PyFloat)
    return NUMBER_DUNDERS.has(inner);
  const isContainer =
    typeof value === 'string' || Array.isArray(value) || (typeof value === 'object' && value !== null);
  return isContainer && CONTAINER_DUNDERS.has(inner);
}

/** Python's `value[key]`; undefined when there is no such element or it has none. */
export function itemOf(value: unknown, key: unknown): unknown {
  if (value instanceof PyMap) {
    try {
      return value.get(hashable(key));
    } catch (error) {
      // An unhashable key is a TypeError, which Jinja takes for a missing element.
      if (error instanceof PyFault && error.type === 'TypeError') return undefined;
      throw error;
    }
  }
  if (value instanceof Members) return value.item(key instanceof Markup ? key.text : key);
  if (value instanceof Undefined) throw value.fault();
  if (key instanceof Undefined && key.strict) return undefined;
  const at = typeof key === 'boolean' ? Number(key) : key;
  if (typeof at !== 'number' || !Number.isInteger(at)) return undefined;
  const indexable =
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof PyTuple ||
    value instanceof Markup ||
    value instanceof PyRange ||
    value instanceof Uint8Array;
  return indexable ? elementAt(value, at) : undefined;
}

/** True when templates can iterate the value. */
export function isIterable(value: unknown): boolean {
  return (
    typeof value === 'string' ||
    Array.isArray(value) ||
    [PyMap, PyTuple, PySet, Markup, DictView, PyRange, PyIterator, Uint8Array].some((type) => value instanceof type) ||
    (value instanceof Undefined && !value.strict)
  );
}
