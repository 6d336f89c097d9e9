import { PyMap, PySet, PyTuple } from '../../../values/index.ts';
import { spend } from './effort.ts';
import { LimitFault, PyFault, typeError, valueError } from './fault.ts';
import { DictView, Markup, PyIterator, PyRange, typeName, Undefined } from './types.ts';

/** Most elements a template may make at once. */
export const MAX_ITEMS = 500_000;

/** The characters of a text, one for each Unicode character as in Python. @throws LimitFault for too many */
export function characters(text: string): string[] {
  if (text.length > MAX_ITEMS)
    throw new LimitFault(`the ${text.length} characters of a text one by one`, `It takes at most ${MAX_ITEMS}.`);
  spend(text.length * 20);
  return hasSurrogates(text) ? Array.from(text) : text.split('');
}

/** The text looked at last, since templates take one apart piece by piece. */
let lookedAt = { text: '', wide: false };

/** True when UTF-16 units are not characters here. */
export function hasSurrogates(text: string): boolean {
  if (text.length < 100) return /[\ud800-\udfff]/.test(text);
  if (text !== lookedAt.text) {
    spend(text.length);
    lookedAt = { text, wide: /[\ud800-\udfff]/.test(text) };
  }
  return lookedAt.wide;
}

/** The number of Unicode characters of a text. */
export function textLength(text: string): number {
  if (!hasSurrogates(text)) return text.length;
  spend(text.length * 5);
  let pairs = 0;
  for (let at = 0; at < text.length - 1; at += 1) {
    if ((text.charCodeAt(at) & 0xfc00) !== 0xd800 || (text.charCodeAt(at + 1) & 0xfc00) !== 0xdc00) continue;
    pairs += 1;
    at += 1;
  }
  return text.length - pairs;
}

/** The elements of anything Python can iterate; undefined for what it cannot. A list is answered itself. */
export function elements(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return characters(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof PyTuple) return value.items;
  if (value instanceof PyMap) {
    spend(value.size * 20);
    return [...value.keys()];
  }
  if (value instanceof Markup) return characters(value.text).map((character) => new Markup(character));
  if (value instanceof Uint8Array) return [...value];
  if (value instanceof Undefined) {
    if (value.strict) throw value.fault();
    return [];
  }
  if (value instanceof PySet) return setItems(value);
  if (value instanceof DictView || value instanceof PyRange || value instanceof PyIterator) {
    return collect(value as Iterable<unknown>);
  }
  return undefined;
}

/** The items of a set: small integers in ascending order, as CPython's hash table holds them; others as inserted. */
export function setItems(set: PySet): unknown[] {
  const items = [...set];
  let slots = 8;
  while (items.length * 5 >= (slots - 1) * 3) slots *= 4;
  const areSmall = items.every(
    (item) => typeof item === 'number' && Number.isInteger(item) && item >= 0 && item < slots,
  );
  return areSmall ? items.sort((a, b) => Number(a) - Number(b)) : items;
}

function collect(items: Iterable<unknown>): unknown[] {
  const all: unknown[] = [];
  for (const item of items) {
    all.push(item);
    if (all.length % 1_000 === 0) spend(1_000 * (items instanceof PyIterator ? 100 : 30));
    if (all.length > MAX_ITEMS) throw new LimitFault(`more than ${MAX_ITEMS} elements at once`, 'Iterate over less.');
  }
  return all;
}

/** How many elements a container holds, without going through them; 0 for anything else. */
export function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (value instanceof PyMap || value instanceof PySet) return value.size;
  if (value instanceof PyTuple) return value.items.length;
  return value instanceof DictView || value instanceof PyRange ? value.length : 0;
}

/** The elements of `value`. @throws PyFault when it has none. */
export function sequence(value: unknown): readonly unknown[] {
  const items = elements(value);
  if (!items) throw typeError(`'${typeName(value)}' object is not iterable`);
  return items;
}

/** A list of its own with the elements of `value`. */
export function listOf(value: unknown): unknown[] {
  return [...sequence(value)];
}

/** Fails when the mapping being iterated gained or lost keys, as Python does. */
export function unchanged(source: unknown, items: readonly unknown[], index: number): void {
  if (index > 0 && index <= items.length && typeof source === 'object' && source !== null) {
    const map = source instanceof DictView ? source.map : source;
    if (map instanceof PyMap && map.size !== items.length) {
      throw new PyFault('RuntimeError', 'dictionary changed size during iteration');
    }
  }
}

/** Exactly `count` elements of `value`. @throws PyFault otherwise. */
export function unpack(value: unknown, count: number): readonly unknown[] {
  const items = elements(value);
  if (!items) throw typeError(`cannot unpack non-iterable ${typeName(value)} object`);
  if (items.length > count) throw valueError(`too many values to unpack (expected ${count})`);
  if (items.length < count) throw valueError(`not enough values to unpack (expected ${count}, got ${items.length})`);
  return items;
}

/** Python's `len(value)`. */
export function length(value: unknown): number {
  if (typeof value === 'string') return textLength(value);
  if (Array.isArray(value)) return value.length;
  if (value instanceof PyMap || value instanceof PySet) return value.size;
  if (value instanceof PyTuple) return value.items.length;
  if (value instanceof Markup) return length(value.text);
  if (value instanceof Undefined) {
    if (value.strict) throw value.fault();
    return 0;
  }
  if (value instanceof DictView || value instanceof PyRange || value instanceof Uint8Array) return value.length;
  throw typeError(`object of type '${typeName(value)}' has no len()`);
}
