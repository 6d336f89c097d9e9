import { PyDate, PyFloat, PyMap, PySet, PyTuple, type Value } from '../../../values/index.ts';
import { spend } from './effort.ts';
import { PyFault, typeError, valueError } from './fault.ts';
import { elements } from './iterate.ts';
import { Later } from './later.ts';
import { failing, type Numeric, numeric, setOf } from './operands.ts';
import { DictView, Markup, Members, Namespace, PyIterator, PyRange, textOf, typeName, Undefined } from './types.ts';

/** `left == right`. */
export function eq(left: unknown, right: unknown): boolean {
  if (left === right) {
    if (left instanceof Undefined && left.strict) throw left.fault();
    return true;
  }
  const leftType = typeof left;
  if (leftType !== 'object' && leftType === typeof right) return false;
  if (left instanceof Undefined || right instanceof Undefined) return undefinedEqual(left, right);
  for (const value of [left, right]) if (value instanceof Later) throw value.fault();
  const [a, b] = [numeric(left), numeric(right)];
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same value are equal
  if (a !== undefined && b !== undefined) return plainNumber(a) == plainNumber(b);
  const [text, other] = [textOf(left), textOf(right)];
  if (text !== undefined || other !== undefined) return text === other;
  return objectsEqual(left, right);
}

function undefinedEqual(left: unknown, right: unknown): boolean {
  for (const value of [left, right]) if (value instanceof Undefined && value.strict) throw value.fault();
  return left instanceof Undefined && right instanceof Undefined;
}

function plainNumber(value: Numeric): number | bigint {
  return value instanceof PyFloat ? value.value : value;
}

function objectsEqual(left: unknown, right: unknown): boolean {
  if (Array.isArray(left)) return Array.isArray(right) && itemsEqual(left, right);
  if (left instanceof PyTuple) return right instanceof PyTuple && itemsEqual(left.items, right.items);
  if (left instanceof PyMap) return right instanceof PyMap && mapsEqual(left, right);
  const [one, other] = [setOf(left), setOf(right)];
  if (one && other) return one.size === other.size && [...one].every((item) => other.has(item));
  if (left instanceof PyRange) return right instanceof PyRange && itemsEqual([...left], [...right]);
  if (left instanceof PyDate) return right instanceof PyDate && left.iso === right.iso;
  if (left instanceof Uint8Array) return right instanceof Uint8Array && Buffer.compare(left, right) === 0;
  return false;
}

function itemsEqual(left: readonly unknown[], right: readonly unknown[]): boolean {
  spend(left.length * 50);
  return left.length === right.length && left.every((item, index) => item === right[index] || eq(item, right[index]));
}

function mapsEqual(left: PyMap, right: PyMap): boolean {
  if (left.size !== right.size) return false;
  spend(left.size * 100);
  for (const [key, value] of left) {
    const other = right.get(key);
    if (other === undefined || !eq(value, other)) return false;
  }
  return true;
}

/** `left != right`. */
export function ne(left: unknown, right: unknown): boolean {
  return !eq(left, right);
}

/** Negative, zero or positive as `left` sorts before, with or behind `right`. @throws PyFault where Python cannot say. */
export function compare(left: unknown, right: unknown, operator = '<'): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  const [text, other] = [textOf(left), textOf(right)];
  if (text !== undefined && other !== undefined) return compareText(text, other);
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) return compareNumbers(plainNumber(a), plainNumber(b));
  if (Array.isArray(left) && Array.isArray(right)) return compareItems(left, right, operator);
  if (left instanceof PyTuple && right instanceof PyTuple) return compareItems(left.items, right.items, operator);
  if (left instanceof PyDate && right instanceof PyDate && left.kind === right.kind)
    return compareText(left.iso, right.iso);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  failing(left);
  failing(right);
  throw typeError(`'${operator}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`);
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same value are equal
  return a == b ? 0 : Number.NaN;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const limit = Math.min(a.length, b.length);
  for (let index = 0; index < limit; index += 1) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x === y) continue;
    // Python orders by character, JavaScript by UTF-16 unit: they differ where surrogates meet U+E000 and above.
    return (a.codePointAt(index) ?? x) - (b.codePointAt(index) ?? y) || x - y;
  }
  return a.length - b.length;
}

function compareItems(left: readonly unknown[], right: readonly unknown[], operator: string): number {
  const limit = Math.min(left.length, right.length);
  spend(limit * 20);
  for (let index = 0; index < limit; index += 1) {
    if (!eq(left[index], right[index])) return compare(left[index], right[index], operator);
  }
  return left.length - right.length;
}

function subset(left: unknown, right: unknown, proper: boolean): boolean | undefined {
  const [one, other] = [setOf(left), setOf(right)];
  if (!one || !other) return undefined;
  return (proper ? one.size < other.size : true) && [...one].every((item) => other.has(item));
}

/** `left < right`. */
export function lt(left: unknown, right: unknown): boolean {
  return subset(left, right, true) ?? compare(left, right, '<') < 0;
}

/** `left <= right`. */
export function le(left: unknown, right: unknown): boolean {
  return subset(left, right, false) ?? compare(left, right, '<=') <= 0;
}

/** `left > right`. */
export function gt(left: unknown, right: unknown): boolean {
  return subset(right, left, true) ?? compare(left, right, '>') > 0;
}

/** `left >= right`. */
export function ge(left: unknown, right: unknown): boolean {
  return subset(right, left, false) ?? compare(left, right, '>=') >= 0;
}

/** `item in container`. */
export function isIn(item: unknown, container: unknown): boolean {
  if (container instanceof PyMap) return container.has(hashable(item));
  const text = textOf(container);
  if (text !== undefined) {
    const part = textOf(failing(item));
    spend(text.length);
    if (part === undefined) throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return text.includes(part);
  }
  if (container instanceof PySet) return container.has(hashable(item));
  if (container instanceof DictView && container.kind === 'keys') return container.map.has(hashable(item));
  if (container instanceof Members) return container.item(item) !== undefined;
  if (container instanceof Namespace) return typeof item === 'string' && container.attributes.has(item);
  if (container instanceof PyIterator) {
    for (const candidate of container) if (eq(candidate, item)) return true;
    return false;
  }
  const items = elements(container);
  if (!items) throw typeError(`argument of type '${typeName(container)}' is not iterable`);
  spend(items.length * 20);
  return items.some((candidate) => (candidate === item && !(item instanceof Undefined)) || eq(candidate, item));
}

/** `item not in container`. */
export function notIn(item: unknown, container: unknown): boolean {
  return !isIn(item, container);
}

/** `value` as a mapping key. @throws PyFault for what Python cannot hash. */
export function hashable(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value;
  if (value instanceof Markup) return value.text;
  if (value instanceof Undefined) {
    if (value.strict) throw value.fault();
    throw typeError("unhashable type: 'Undefined'");
  }
  if (value instanceof PyTuple) {
    spend(value.items.length * 50);
    for (const item of value.items) hashable(item);
    return value;
  }
  if (
    Array.isArray(value) ||
    (typeof value === 'object' && !(value instanceof PyFloat || value instanceof Uint8Array || value instanceof PyDate))
  ) {
    throw typeError(`unhashable type: '${typeName(value)}'`);
  }
  return value as Value;
}

/** True when Python can hash the value. */
export function isHashable(value: unknown): boolean {
  try {
    hashable(value);
    return true;
  } catch (error) {
    if (error instanceof PyFault) return false;
    throw error;
  }
}

/** The smallest or largest element. */
export function extreme(
  items: readonly unknown[],
  name: 'min' | 'max',
  key: (item: unknown) => unknown = (item) => item,
): unknown {
  if (items.length === 0) throw valueError(`${name}() arg is an empty sequence`);
  let best = items[0];
  for (const item of items.slice(1)) {
    const [a, b] = [key(item), key(best)];
    if (name === 'min' ? lt(a, b) : gt(a, b)) best = item;
  }
  return best;
}

/** Python's stable sort by key. */
export function sorted(items: readonly unknown[], key: (item: unknown) => unknown, reverse: boolean): unknown[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  const order = orderOfKeys(keyed.map((entry) => entry.key));
  if (order) keyed.sort(reverse ? (a, b) => order(b.key, a.key) : (a, b) => order(a.key, b.key));
  else keyed.sort(reverse ? (a, b) => -orderOf(a.key, b.key) : (a, b) => orderOf(a.key, b.key));
  return keyed.map(({ item }) => item);
}

/** A quick order where all keys are of one plain kind. */
function orderOfKeys(keys: readonly unknown[]): ((a: unknown, b: unknown) => number) | undefined {
  if (keys.every((key) => typeof key === 'number')) return (a, b) => (a as number) - (b as number);
  // Beyond U+D7FF JavaScript's order of texts is not Python's.
  if (!keys.every((key) => typeof key === 'string' && !/[\ud800-\uffff]/.test(key))) return undefined;
  return (a, b) => ((a as string) < (b as string) ? -1 : a === b ? 0 : 1);
}

function orderOf(a: unknown, b: unknown): number {
  const order = compare(a, b);
  return Number.isNaN(order) ? 0 : order;
}
