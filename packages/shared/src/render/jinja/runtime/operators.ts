import { float, integer, PyDate, PyFloat, PyMap, PySet, PyTuple, type Value } from '../../../values/index.ts';
import { escapeMarkup } from './escape.ts';
import { LimitFault, PyFault, typeError, valueError } from './fault.ts';
import { formatPercent } from './format-percent.ts';
import { elements, MAX_ITEMS } from './iterate.ts';
import { MAX_TEXT, str, textLimit } from './print.ts';
import {
  DictView,
  isText,
  Markup,
  Members,
  Namespace,
  PyIterator,
  PyRange,
  textOf,
  typeName,
  Undefined,
} from './types.ts';

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
  return true;
}

type Numeric = number | bigint | PyFloat;

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

function failing(value: unknown): unknown {
  if (value instanceof Undefined) throw value.fault();
  return value;
}

function unsupported(operator: string, left: unknown, right: unknown): PyFault {
  failing(left);
  failing(right);
  return typeError(`unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`);
}

/** `left + right`. */
export function add(left: unknown, right: unknown): unknown {
  if (typeof left === 'string' && typeof right === 'string') return bounded(left + right);
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    if (Number.isSafeInteger(sum) && Number.isInteger(left) && Number.isInteger(right)) return sum;
  }
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined)
    return arithmetic(
      a,
      b,
      (x, y) => x + y,
      (x, y) => x + y,
    );
  if (Array.isArray(left) && Array.isArray(right)) return boundedList([left, right]);
  if (left instanceof PyTuple && right instanceof PyTuple) return new PyTuple([...left.items, ...right.items]);
  if (isText(left) && isText(right)) return addMarkup(left, right);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return new Uint8Array([...left, ...right]);
  failing(left);
  failing(right);
  if (isText(left)) throw typeError(`can only concatenate str (not "${typeName(right)}") to str`);
  if (Array.isArray(left)) throw typeError(`can only concatenate list (not "${typeName(right)}") to list`);
  if (left instanceof PyTuple) throw typeError(`can only concatenate tuple (not "${typeName(right)}") to tuple`);
  throw unsupported('+', left, right);
}

function addMarkup(left: string | Markup, right: string | Markup): Markup {
  return new Markup(bounded(escapeMarkup(left).text + escapeMarkup(right).text));
}

function bounded(text: string): string {
  if (text.length > MAX_TEXT) throw textLimit(text.length);
  return text;
}

function boundedList(parts: readonly (readonly unknown[])[]): unknown[] {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > MAX_ITEMS) throw listLimit(size);
  return parts.flat(1) as unknown[];
}

function listLimit(size: number): LimitFault {
  return new LimitFault(
    `a list of ${size} elements is longer than the ${MAX_ITEMS} a template may build`,
    'Build a shorter list.',
  );
}

function arithmetic(
  a: Numeric,
  b: Numeric,
  ints: (x: bigint, y: bigint) => bigint,
  floats: (x: number, y: number) => number,
): Value {
  if (isFloating(a) || isFloating(b)) return float(floats(toNumber(a), toNumber(b)));
  if (typeof a === 'number' && typeof b === 'number') {
    const quick = floats(a, b);
    if (Number.isSafeInteger(quick)) return quick;
  }
  return integer(ints(BigInt(a as number), BigInt(b as number)));
}

/** `left - right`. */
export function sub(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined)
    return arithmetic(
      a,
      b,
      (x, y) => x - y,
      (x, y) => x - y,
    );
  const [one, other] = [setOf(left), setOf(right)];
  if (one && other) return new PySet([...one].filter((item) => !other.has(item)));
  throw unsupported('-', left, right);
}

function setOf(value: unknown): PySet | undefined {
  if (value instanceof PySet) return value;
  return value instanceof DictView && value.kind !== 'values' ? new PySet(value as Iterable<Value>) : undefined;
}

/** `left * right`. */
export function mul(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) {
    return arithmetic(
      a,
      b,
      (x, y) => boundedInteger(x, y) && x * y,
      (x, y) => x * y,
    );
  }
  if (a !== undefined && !isFloating(a)) return repeat(right, toNumber(a), left, right);
  if (b !== undefined && !isFloating(b)) return repeat(left, toNumber(b), left, right);
  throw cannotRepeat(left, right);
}

function boundedInteger(x: bigint, y: bigint): bigint {
  const digits = x.toString(16).length + y.toString(16).length;
  if (digits > 10_000) throw new LimitFault(`an integer of about ${digits} digits`, 'Compute with smaller numbers.');
  return 1n;
}

function cannotRepeat(left: unknown, right: unknown): PyFault {
  failing(left);
  failing(right);
  const isSequence = (value: unknown): boolean => isText(value) || Array.isArray(value) || value instanceof PyTuple;
  if (isSequence(left) || isSequence(right)) {
    const other = isSequence(left) ? right : left;
    return typeError(`can't multiply sequence by non-int of type '${typeName(other)}'`);
  }
  return unsupported('*', left, right);
}

function repeat(value: unknown, count: number, left: unknown, right: unknown): unknown {
  const times = Math.max(0, count);
  const text = textOf(value);
  if (text !== undefined) {
    if (text.length * times > MAX_TEXT) throw textLimit(text.length * times);
    return value instanceof Markup ? new Markup(text.repeat(times)) : text.repeat(times);
  }
  const items = Array.isArray(value) ? (value as unknown[]) : value instanceof PyTuple ? value.items : undefined;
  if (!items) throw cannotRepeat(left, right);
  if (items.length * times > MAX_ITEMS) throw listLimit(items.length * times);
  const repeated = Array.from({ length: items.length * times }, (_, index) => items[index % items.length]);
  return value instanceof PyTuple ? new PyTuple(repeated as Value[]) : repeated;
}

/** `left / right`, always a float. */
export function div(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) throw unsupported('/', left, right);
  if (toNumber(b) === 0)
    throw new PyFault(
      'ZeroDivisionError',
      isFloating(a) || isFloating(b) ? 'float division by zero' : 'division by zero',
    );
  return float(toNumber(a) / toNumber(b));
}

/** `left // right`. */
export function floordiv(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) throw unsupported('//', left, right);
  const floating = isFloating(a) || isFloating(b);
  if (toNumber(b) === 0) {
    throw new PyFault(
      'ZeroDivisionError',
      floating ? 'float floor division by zero' : 'integer division or modulo by zero',
    );
  }
  return arithmetic(a, b, floorDivide, (x, y) => Math.floor(x / y));
}

function floorDivide(x: bigint, y: bigint): bigint {
  const quotient = x / y;
  return x % y !== 0n && x < 0n !== y < 0n ? quotient - 1n : quotient;
}

/** `left % right`: the remainder, or `%` formatting of a text. */
export function mod(left: unknown, right: unknown): unknown {
  if (typeof left === 'string') return bounded(formatPercent(left, right, (value) => value));
  if (left instanceof Markup)
    return new Markup(
      bounded(
        formatPercent(left.text, right, (value) => (typeof value === 'string' ? escapeMarkup(value).text : value)),
      ),
    );
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) throw unsupported('%', left, right);
  if (toNumber(b) === 0) {
    throw new PyFault('ZeroDivisionError', isFloating(a) || isFloating(b) ? 'float modulo' : 'integer modulo by zero');
  }
  return arithmetic(a, b, (x, y) => x - floorDivide(x, y) * y, floatModulo);
}

function floatModulo(x: number, y: number): number {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
}

/** `left ** right`. */
export function pow(left: unknown, right: unknown): unknown {
  const [a, b] = [numeric(left), numeric(right)];
  if (a === undefined || b === undefined) throw unsupported('** or pow()', left, right);
  if (!isFloating(a) && !isFloating(b) && toNumber(b) >= 0) {
    const size = a.toString().length * toNumber(b);
    if (size > 20_000) throw new LimitFault(`an integer of about ${size} digits`, 'Compute with smaller numbers.');
    return integer(BigInt(a as number) ** BigInt(b as number));
  }
  if (toNumber(a) === 0 && toNumber(b) < 0) {
    throw new PyFault('ZeroDivisionError', '0.0 cannot be raised to a negative power');
  }
  return float(toNumber(a) ** toNumber(b));
}

/** `-value`. */
export function neg(value: unknown): unknown {
  const number = numeric(value);
  if (number === undefined) throw badUnary('-', value);
  if (typeof number === 'bigint') return integer(-number);
  return isFloating(number) ? float(-toNumber(number)) : 0 - (number as number);
}

/** `+value`. */
export function pos(value: unknown): unknown {
  const number = numeric(value);
  if (number === undefined) throw badUnary('+', value);
  return number;
}

function badUnary(operator: string, value: unknown): PyFault {
  failing(value);
  return typeError(`bad operand type for unary ${operator}: '${typeName(value)}'`);
}

/** `left == right`. */
export function eq(left: unknown, right: unknown): boolean {
  if (left === right) {
    if (left instanceof Undefined && left.strict) throw left.fault();
    return true;
  }
  const leftType = typeof left;
  if (leftType !== 'object' && leftType === typeof right) return false;
  if (left instanceof Undefined || right instanceof Undefined) return undefinedEqual(left, right);
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
  return left.length === right.length && left.every((item, index) => item === right[index] || eq(item, right[index]));
}

function mapsEqual(left: PyMap, right: PyMap): boolean {
  if (left.size !== right.size) return false;
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

/** `a ~ b ~ …`. */
export function join(items: readonly unknown[]): string {
  let text = '';
  for (const item of items) text += typeof item === 'string' ? item : str(item);
  return bounded(text);
}

/** A whole number where Python asks for an index. */
export function index(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint') return value > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
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
