import { PyMap, PySet, PyTuple, type Value } from '../../../values/index.ts';
import { hashable } from './comparison.ts';
import { typeError } from './fault.ts';
import { listOf } from './iterate.ts';
import {
  DictView,
  isCallable,
  Markup,
  Members,
  NamedTuple,
  Namespace,
  PyIterator,
  PyRange,
  typeName,
  Undefined,
} from './types.ts';

/**
 * A template's value as data for the world outside: markup becomes text, views and iterators lists. What is data
 * already is answered itself, so that changes made to it are seen. @throws PyFault for functions and undefined names.
 */
export function toValue(value: unknown): Value {
  if (typeof value !== 'object' || value === null) return value as Value;
  if (Array.isArray(value)) return value.some(needsConversion) ? value.map(toValue) : (value as Value[]);
  if (value instanceof PyMap) {
    if (![...value.values()].some(needsConversion)) return value;
    return new PyMap([...value].map(([key, item]) => [hashable(key), toValue(item)] as const));
  }
  if (value instanceof Markup) return value.text;
  if (value instanceof NamedTuple || (value instanceof PyTuple && value.items.some(needsConversion)))
    return new PyTuple(value.items.map(toValue));
  if (value instanceof DictView || value instanceof PyRange || value instanceof PyIterator)
    return listOf(value).map(toValue);
  if (value instanceof Undefined) throw value.fault();
  if (value instanceof Namespace || value instanceof Members || isCallable(value))
    throw typeError(`a ${typeName(value)} cannot leave the template`);
  return value as Value;
}

function needsConversion(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(needsConversion);
  if (value instanceof PyMap) return [...value.values()].some(needsConversion);
  if (value instanceof NamedTuple) return true;
  if (value instanceof PyTuple) return value.items.some(needsConversion);
  if (value instanceof PySet) return false;
  return (
    [Markup, DictView, PyRange, PyIterator, Undefined, Namespace, Members].some((type) => value instanceof type) ||
    isCallable(value)
  );
}
