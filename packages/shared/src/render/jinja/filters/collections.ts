import { float, integer, PyFloat, PyMap, PySet, PyTuple } from '../../../values/index.ts';
import { add } from '../runtime/arithmetic.ts';
import { isIterable, itemOf } from '../runtime/attributes.ts';
import { eq, sorted } from '../runtime/comparison.ts';
import type { Env } from '../runtime/env.ts';
import { escapeMarkup } from '../runtime/escape.ts';
import { PyFault, typeError } from '../runtime/fault.ts';
import { fixed } from '../runtime/format-spec.ts';
import { characters, length, sequence } from '../runtime/iterate.ts';
import { index, isFloating, numeric, toNumber, truth } from '../runtime/operands.ts';
import { MAX_TEXT, str, textLimit } from '../runtime/print.ts';
import { define } from '../runtime/signature.ts';
import {
  Builtin,
  type Callable,
  DictView,
  type Kwargs,
  Markup,
  NamedTuple,
  PyIterator,
  textOf,
  typeName,
  Undefined,
} from '../runtime/types.ts';
import { prettyPrint } from './pprint.ts';

type Getter = (item: unknown) => unknown;

/** Reads `a.b.0` of an item; numbers count elements. */
function attributeGetter(env: Env, attribute: unknown, options: { fallback?: unknown; change?: Getter } = {}): Getter {
  const parts = attributeParts(attribute);
  const { fallback = null, change = (value: unknown) => value } = options;
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = env.item(value, part);
      if (value instanceof Undefined && fallback !== null) {
        value = fallback;
        break;
      }
    }
    return change(value);
  };
}

function attributeParts(attribute: unknown): unknown[] {
  if (attribute === null) return [];
  const text = textOf(attribute);
  if (text === undefined) return [attribute];
  return text.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function foldCase(value: unknown): unknown {
  return textOf(value)?.toLowerCase() ?? value;
}

function multiGetter(env: Env, attribute: unknown, change: Getter): Getter {
  const text = textOf(attribute);
  if (text === undefined || !text.includes(',')) {
    const getter = attributeGetter(env, attribute, { change });
    return getter;
  }
  const getters = text.split(',').map((part) => attributeGetter(env, part, { change }));
  return (item) => getters.map((getter) => getter(item));
}

function* mapped(items: Iterable<unknown>, change: Getter): Generator<unknown> {
  for (const item of items) yield change(item);
}

/** The elements, one by one where they come from a one-shot iterator. */
function iterated(value: unknown): Iterable<unknown> {
  return value instanceof PyIterator ? value : sequence(value);
}

function map(env: Env, args: readonly unknown[], kwargs: Kwargs): unknown {
  const [value, name, ...rest] = args;
  if (name === undefined && kwargs?.has('attribute')) {
    for (const key of kwargs.keys()) {
      if (key !== 'attribute' && key !== 'default')
        throw new PyFault('FilterArgumentError', `Unexpected keyword argument '${key}'`);
    }
    const getter = attributeGetter(env, kwargs.get('attribute'), { fallback: kwargs.get('default') ?? null });
    return lazily(value, (items) => mapped(items, getter));
  }
  if (name === undefined) throw new PyFault('FilterArgumentError', 'map requires a filter argument');
  const filter = env.filter(str(name));
  if (filter.mayWait) return eventually(value, (item) => filter.call(env, [item, ...rest], kwargs));
  return lazily(value, (items) => mapped(items, (item) => filter.call(env, [item, ...rest], kwargs)));
}

function lazily(value: unknown, make: (items: Iterable<unknown>) => Iterable<unknown>): unknown {
  if (!truth(value)) return new PyIterator([]);
  return new PyIterator(make(iterated(value)));
}

async function eventually(value: unknown, change: Getter): Promise<unknown> {
  const results: unknown[] = [];
  for (const item of iterated(value)) results.push(await change(item));
  return new PyIterator(results);
}

function selector(name: string, keeps: boolean, byAttribute: boolean): Builtin {
  return new Builtin(name, (env: Env, args, kwargs) => {
    const [value, ...rest] = args;
    let getter: Getter = (item) => item;
    if (byAttribute) {
      if (rest.length === 0) throw new PyFault('FilterArgumentError', 'Missing parameter for attribute name');
      getter = attributeGetter(env, rest.shift());
    }
    const [testName, ...testArgs] = rest;
    const test: Callable | undefined = testName === undefined ? undefined : env.test(str(testName));
    const passes = (item: unknown): boolean =>
      truth(test ? test.call(env, [getter(item), ...testArgs], kwargs) : getter(item)) === keeps;
    return lazily(value, function* (items) {
      for (const item of items) if (passes(item)) yield item;
    });
  });
}

function groupBy(env: Env, value: unknown, attribute: unknown, fallback: unknown, caseSensitive: boolean): unknown[] {
  const change: Getter = caseSensitive ? (item) => item : foldCase;
  const key = attributeGetter(env, attribute, { fallback, change });
  const shown = attributeGetter(env, attribute, { fallback });
  const groups: { key: unknown; items: unknown[] }[] = [];
  for (const item of sorted(sequence(value), key, false)) {
    const last = groups.at(-1);
    if (last && eq(last.key, key(item))) last.items.push(item);
    else groups.push({ key: key(item), items: [item] });
  }
  return groups.map(
    ({ key: grouper, items }) =>
      new NamedTuple(['grouper', 'list'], [caseSensitive ? grouper : shown(items[0]), items]),
  );
}

function* batch(items: Iterable<unknown>, size: number, fill: unknown): Generator<unknown> {
  let row: unknown[] = [];
  for (const item of items) {
    if (row.length === size) {
      yield row;
      row = [];
    }
    row.push(item);
  }
  if (row.length === 0) return;
  if (fill !== null) while (row.length < size) row.push(fill);
  yield row;
}

function* slices(all: readonly unknown[], count: number, fill: unknown): Generator<unknown> {
  const size = Math.floor(all.length / count);
  const longer = all.length % count;
  let offset = 0;
  for (let at = 0; at < count; at += 1) {
    const start = offset + at * size;
    if (at < longer) offset += 1;
    const row = all.slice(start, offset + (at + 1) * size);
    if (fill !== null && at >= longer) row.push(fill);
    yield row;
  }
}

function dictsort(value: unknown, caseSensitive: boolean, by: unknown, reverse: boolean): unknown[] {
  const at = by === 'key' ? 0 : by === 'value' ? 1 : -1;
  if (at === -1) throw new PyFault('FilterArgumentError', 'You can only sort by either "key" or "value"');
  if (!(value instanceof PyMap)) {
    if (value instanceof Undefined) throw value.fault();
    throw new PyFault('AttributeError', `'${typeName(value)}' object has no attribute 'items'`);
  }
  const pairs = [...value].map((pair) => new PyTuple(pair));
  return sorted(
    pairs,
    (pair) => (caseSensitive ? (pair as PyTuple).items[at] : foldCase((pair as PyTuple).items[at])),
    reverse,
  );
}

function joined(env: Env, value: unknown, separator: unknown, attribute: unknown): unknown {
  const getter = attribute === null ? undefined : attributeGetter(env, attribute);
  const items = getter ? [...mapped(iterated(value), getter)] : sequence(value);
  const escapes = env.autoescape && (separator instanceof Markup || items.some((item) => item instanceof Markup));
  if (escapes) return new Markup(items.map((item) => escapeMarkup(item).text).join(escapeMarkup(separator).text));
  const by = str(separator);
  let text = '';
  for (let at = 0; at < items.length; at += 1) text += at === 0 ? str(items[at]) : by + str(items[at]);
  if (text.length > MAX_TEXT) throw textLimit(text.length);
  return text;
}

function toInteger(value: unknown, fallback: unknown, base: number): unknown {
  const text = textOf(value)?.trim();
  if (text !== undefined) {
    const digits = text.replaceAll('_', '').toLowerCase();
    const parsed = parseInteger(digits, base);
    if (parsed !== undefined) return parsed;
    const number = base === 10 ? parseFloatText(text) : undefined;
    return number === undefined || !Number.isFinite(number) ? fallback : integer(BigInt(Math.trunc(number)));
  }
  const number = numeric(value);
  if (number === undefined) {
    if (value instanceof Undefined && value.strict) throw value.fault();
    return fallback;
  }
  if (!isFloating(number)) return typeof number === 'bigint' ? number : number;
  return Number.isFinite(toNumber(number)) ? integer(BigInt(Math.trunc(toNumber(number)))) : fallback;
}

const PREFIXES: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 16: '0x' };

/** Python's `int(text, base)`; undefined where it fails. */
export function parseInteger(text: string, base: number): number | bigint | undefined {
  const [, sign, rest] = /^([-+]?)(.*)$/s.exec(text)!;
  const prefix = PREFIXES[base];
  const digits = prefix !== undefined && rest!.startsWith(prefix) ? rest!.slice(2) : rest!;
  const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz'.slice(0, base);
  if (digits === '' || digits.length > 10_000 || [...digits].some((digit) => !alphabet.includes(digit)))
    return undefined;
  let value = 0n;
  if (base === 10) value = BigInt(digits);
  else for (const digit of digits) value = value * BigInt(base) + BigInt(alphabet.indexOf(digit));
  return integer(sign === '-' ? -value : value);
}

/** Python's `float(text)`; undefined where it fails. */
export function parseFloatText(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase();
  const named = /^([-+]?)(?:(inf|infinity)|(nan))$/.exec(trimmed);
  if (named) return named[3] ? Number.NaN : named[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (!/^[-+]?(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:e[-+]?\d(?:_?\d)*)?$/.test(trimmed)) return undefined;
  return Number(trimmed.replaceAll('_', ''));
}

function toFloat(value: unknown, fallback: unknown): unknown {
  const text = textOf(value);
  if (text !== undefined) {
    const parsed = parseFloatText(text);
    return parsed === undefined ? fallback : float(parsed);
  }
  const number = numeric(value);
  if (number !== undefined) return float(toNumber(number));
  if (value instanceof Undefined && value.strict) throw value.fault();
  return fallback;
}

function round(value: unknown, precision: number, method: unknown): unknown {
  const number = numeric(value);
  if (number === undefined) {
    throw typeError(`type ${typeName(value)} doesn't define __round__ method`);
  }
  if (method !== 'common' && method !== 'ceil' && method !== 'floor')
    throw new PyFault('FilterArgumentError', 'method must be common, ceil or floor');
  if (method === 'common') {
    const rounded = roundHalfEven(toNumber(number), precision);
    return isFloating(number) ? float(rounded) : integer(BigInt(Math.trunc(rounded)));
  }
  const scale = 10 ** precision;
  return float((method === 'ceil' ? Math.ceil : Math.floor)(toNumber(number) * scale) / scale);
}

/** Python's `round`: exact ties go to even. */
function roundHalfEven(value: number, places: number): number {
  if (!Number.isFinite(value)) return value;
  if (places > 0) {
    if (places > 100 || Math.abs(value) > 1e21) return value;
    const rounded = Number(fixed(Math.abs(value), places));
    return value < 0 ? -rounded : rounded;
  }
  const scale = 10 ** -places;
  const quotient = value / scale;
  const floor = Math.floor(quotient);
  const rest = quotient - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return rounded === 0 && value < 0 ? -0 : rounded * scale;
}

function firstOf(env: Env, value: unknown): unknown {
  if (value instanceof PyIterator) {
    const step = value.next();
    return step.done ? env.undefAs('No first item, sequence was empty.') : step.value;
  }
  const [first] = sequence(value);
  return first === undefined ? env.undefAs('No first item, sequence was empty.') : first;
}

function lastOf(env: Env, value: unknown): unknown {
  if (value instanceof PyIterator || value instanceof PySet)
    throw typeError(`'${typeName(value)}' object is not reversible`);
  const items = sequence(value);
  return items.length === 0 ? env.undefAs('No last item, sequence was empty.') : items.at(-1);
}

function reverse(value: unknown): unknown {
  const text = textOf(value);
  if (text !== undefined) {
    const reversed = characters(text).reverse().join('');
    return value instanceof Markup ? new Markup(reversed) : reversed;
  }
  if (!isIterable(value)) {
    if (value instanceof Undefined) throw value.fault();
    throw new PyFault('FilterArgumentError', 'argument must be iterable');
  }
  return new PyIterator([...sequence(value)].reverse(), 'list_reverseiterator');
}

function* items(value: unknown): Generator<unknown> {
  if (value instanceof Undefined) return;
  if (!(value instanceof PyMap)) throw typeError('Can only get item pairs from a mapping.');
  yield* new DictView(value, 'items');
}

function fallbackFor(value: unknown, fallback: unknown, boolean: boolean): unknown {
  if (value instanceof Undefined) return fallback;
  return boolean && !truth(value) ? fallback : value;
}

/** Jinja's filters of collections and numbers. */
export const COLLECTION_FILTERS: readonly Builtin[] = [
  define('abs(x, /)', (_env, value: unknown) => {
    const number = numeric(value);
    if (number === undefined) throw typeError(`bad operand type for abs(): '${typeName(value)}'`);
    if (typeof number === 'bigint') return number < 0n ? -number : number;
    return number instanceof PyFloat ? float(Math.abs(number.value)) : Math.abs(number);
  }),
  define('attr(obj, name)', (env: Env, value: unknown, name: unknown) => {
    const found = env.attribute(value, str(name));
    return value instanceof PyMap && itemOf(value, name) === found ? env.attribute(new PyMap(), str(name)) : found;
  }),
  define(
    'batch(value, linecount, fill_with=None)',
    (_env, value: unknown, count: unknown, fill: unknown) => new PyIterator(batch(iterated(value), index(count), fill)),
  ),
  define('slice(value, slices, fill_with=None)', (_env, value: unknown, count: unknown, fill: unknown) => {
    if (index(count) === 0) throw new PyFault('ZeroDivisionError', 'integer division or modulo by zero');
    return new PyIterator(slices(sequence(value), index(count), fill));
  }),
  ...['default', 'd'].map((name) =>
    define(
      `${name}(value, default_value="", boolean=False)`,
      (_env, value: unknown, fallback: unknown, boolean: unknown) => fallbackFor(value, fallback, truth(boolean)),
    ),
  ),
  define(
    'dictsort(value, case_sensitive=False, by="key", reverse=False)',
    (_env, value: unknown, sensitive: unknown, by: unknown, backwards: unknown) =>
      dictsort(value, truth(sensitive), by, truth(backwards)),
  ),
  define('first(seq)', (env: Env, value: unknown) => firstOf(env, value)),
  define('last(seq)', (env: Env, value: unknown) => lastOf(env, value)),
  define('float(value, default=0.0)', (_env, value: unknown, fallback: unknown) =>
    toFloat(value, fallback === 0 ? new PyFloat(0) : fallback),
  ),
  define('int(value, default=0, base=10)', (_env, value: unknown, fallback: unknown, base: unknown) =>
    toInteger(value, fallback, index(base)),
  ),
  define(
    'groupby(value, attribute, default=None, case_sensitive=False)',
    (env: Env, value: unknown, attribute: unknown, fallback: unknown, sensitive: unknown) =>
      groupBy(env, value, attribute, fallback, truth(sensitive)),
  ),
  define('items(value)', (_env, value: unknown) => new PyIterator(items(value))),
  define('join(value, d="", attribute=None)', (env: Env, value: unknown, separator: unknown, attribute: unknown) =>
    joined(env, value, separator, attribute),
  ),
  define('length(obj, /)', (_env, value: unknown) => length(value)),
  define('count(obj, /)', (_env, value: unknown) => length(value)),
  define('list(value)', (_env, value: unknown) => [...sequence(value)]),
  define('pprint(value)', (_env, value: unknown) => prettyPrint(value)),
  define('random(seq)', (env: Env, value: unknown) => {
    const all = sequence(value);
    return all.length === 0
      ? env.undefAs('No random item, sequence was empty.')
      : all[Math.floor(Math.random() * all.length)];
  }),
  define('reverse(value)', (_env, value: unknown) => reverse(value)),
  define('round(value, precision=0, method="common")', (_env, value: unknown, precision: unknown, method: unknown) =>
    round(value, index(precision), method),
  ),
  define(
    'sort(value, reverse=False, case_sensitive=False, attribute=None)',
    (env: Env, value: unknown, backwards: unknown, sensitive: unknown, attribute: unknown) =>
      sorted(
        sequence(value),
        multiGetter(env, attribute, truth(sensitive) ? (item) => item : foldCase),
        truth(backwards),
      ),
  ),
  define('sum(iterable, attribute=None, start=0)', (env: Env, value: unknown, attribute: unknown, start: unknown) => {
    const getter = attribute === null ? (item: unknown) => item : attributeGetter(env, attribute);
    if (textOf(start) !== undefined) throw typeError("sum() can't sum strings [use ''.join(seq) instead]");
    let total = start;
    for (const item of iterated(value)) total = add(total, getter(item));
    return total;
  }),
  new Builtin('map', map as never, { mayWait: true }),
  selector('select', true, false),
  selector('reject', false, false),
  selector('selectattr', true, true),
  selector('rejectattr', false, true),
];
