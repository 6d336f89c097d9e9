import jmespath from 'jmespath';
import { Secret } from '../../../kernel/index.ts';
import {
  fromPlain,
  type PlainValue,
  PyMap,
  PySet,
  PyTuple,
  toPlain,
  traverse,
  type Value,
} from '../../../values/index.ts';
import { add, div } from '../runtime/arithmetic.ts';
import { isIterable } from '../runtime/attributes.ts';
import { eq, extreme, hashable, isHashable, sorted } from '../runtime/comparison.ts';
import { toValue } from '../runtime/export.ts';
import { LimitFault, PyFault, typeError } from '../runtime/fault.ts';
import { elements, sequence } from '../runtime/iterate.ts';
import { updateMap } from '../runtime/methods/collections.ts';
import { index, truth } from '../runtime/operands.ts';
import { str } from '../runtime/print.ts';
import { define } from '../runtime/signature.ts';
import { type Builtin, DictView, PyIterator, textOf, typeName, Undefined } from '../runtime/types.ts';
import { PyRandom } from './random.ts';

const MAX_UNHASHABLE = 5000;

function isHashableAll(value: unknown): boolean {
  return isHashable(value) && !(value instanceof Undefined);
}

/** Salt's `unique`: a set of what can be hashed (tuples, texts), else the list without repetitions. */
function unique(value: unknown): unknown {
  if (isHashableAll(value)) return new PySet(sequence(value).map(hashable));
  const seen = new Seen();
  return sequence(value).filter((item) => seen.add(item));
}

/** Values met so far: those Python can hash are found at once, the others one by one. */
class Seen {
  readonly #hashed = new PySet();
  readonly #others: unknown[] = [];

  constructor(items: readonly unknown[] = []) {
    for (const item of items) this.add(item);
  }

  has(item: unknown): boolean {
    return isHashableAll(item) ? this.#hashed.has(hashable(item)) : this.#others.some((other) => eq(other, item));
  }

  /** Takes a value up; false when it was there. */
  add(item: unknown): boolean {
    if (this.has(item)) return false;
    if (isHashableAll(item)) this.#hashed.add(hashable(item));
    else if (this.#others.push(item) > MAX_UNHASHABLE) {
      throw new LimitFault(
        `more than ${MAX_UNHASHABLE} mappings or lists to compare with each other`,
        'Compare fewer.',
      );
    }
    return true;
  }
}

type SetName = 'union' | 'intersect' | 'difference' | 'symmetric_difference';

function combine(name: SetName, one: unknown, other: unknown): unknown {
  if (isHashableAll(one) && isHashableAll(other))
    return new PySet(combineLists(name, sequence(one), sequence(other)).map(hashable));
  return unique(name === 'union' ? add(one, other) : combineLists(name, sequence(one), sequence(other)));
}

function combineLists(name: SetName, one: readonly unknown[], other: readonly unknown[]): unknown[] {
  if (name === 'union') return [...one, ...other];
  const second = new Seen(other);
  if (name === 'intersect') return one.filter((item) => second.has(item));
  const only = one.filter((item) => !second.has(item));
  if (name === 'difference') return only;
  const first = new Seen(one);
  return [...only, ...other.filter((item) => !first.has(item))];
}

function compareDicts(old: PyMap, now: PyMap): PyMap {
  const changes = new PyMap();
  for (const key of new PySet([...now.keys(), ...old.keys()])) {
    const [before, after] = [old.get(key), now.get(key)];
    if (before !== undefined && after !== undefined && eq(before, after)) continue;
    changes.set(
      key,
      new PyMap([
        ['old', before ?? ''],
        ['new', after ?? ''],
      ]),
    );
  }
  return changes;
}

function compareLists(old: unknown, now: unknown): PyMap {
  const changes = new PyMap();
  const added = combineLists('difference', sequence(now), sequence(old));
  const removed = combineLists('difference', sequence(old), sequence(now));
  if (added.length > 0) changes.set('new', added as Value[]);
  if (removed.length > 0) changes.set('old', removed as Value[]);
  return changes;
}

function flatten(value: unknown, levels: number, keepsNone: boolean): unknown[] {
  const flat: unknown[] = [];
  for (const item of sequence(value)) {
    if (item === null && !keepsNone) continue;
    if (item === null || item === 'None' || item === 'null') {
      if (keepsNone) flat.push(item);
    } else if (Array.isArray(item)) {
      if (levels === 0) flat.push(item);
      else flat.push(...flatten(item, levels - 1, keepsNone));
    } else flat.push(item);
  }
  return flat;
}

/** The mapping that holds the last key of a path, made on the way. */
function holder(map: unknown, path: unknown, delimiter: unknown): { parent: PyMap; key: Value } {
  if (!(map instanceof PyMap)) throw new PyFault('SaltException', `cannot set a key in a ${typeName(map)}`);
  const keys = str(path).split(str(delimiter));
  let at = map;
  for (const key of keys.slice(0, -1)) {
    const next = at.get(key);
    if (next instanceof PyMap) at = next;
    else {
      const made = new PyMap();
      at.set(key, made);
      at = made;
    }
  }
  return { parent: at, key: keys.at(-1)! };
}

function listAt(parent: PyMap, key: Value): Value[] {
  const found = parent.get(key);
  if (found === undefined) {
    const made: Value[] = [];
    parent.set(key, made);
    return made;
  }
  if (!Array.isArray(found))
    throw new PyFault('SaltInvocationError', `The last key contains a ${typeName(found)}, which cannot append.`);
  return found;
}

function encodeAll(value: unknown): unknown {
  const text = textOf(value);
  if (text !== undefined) return new Uint8Array(Buffer.from(text, 'utf8'));
  if (Array.isArray(value)) return value.map(encodeAll);
  if (value instanceof PyTuple) return new PyTuple(value.items.map(encodeAll) as Value[]);
  if (value instanceof PyMap)
    return new PyMap([...value].map(([key, item]) => [encodeAll(key) as Value, encodeAll(item) as Value] as const));
  return value;
}

function sampleOf(value: unknown, size: number, seed: unknown): unknown[] {
  const items = sequence(value);
  if (size > items.length || size < 0) throw new PyFault('ValueError', 'Sample larger than population or is negative');
  const chosen = seed === null ? Math.floor(Math.random() * 2 ** 52) : seed;
  if (typeof chosen !== 'number' && typeof chosen !== 'bigint' && textOf(chosen) === undefined)
    throw typeError('The only supported seed types are: None, int, float, str, bytes, and bytearray.');
  return new PyRandom(typeof chosen === 'number' || typeof chosen === 'bigint' ? chosen : textOf(chosen)!).sample(
    items,
    size,
  );
}

function average(value: unknown): unknown {
  if (!isIterable(value) || textOf(value) !== undefined) return value;
  const items = sequence(value);
  return div(
    items.reduce((sum, item) => add(sum, item), 0),
    items.length,
  );
}

/** What queried objects inherit: nothing but the one method the library calls on them. */
const QUERIED = Object.create(null, { hasOwnProperty: { value: Object.prototype.hasOwnProperty } }) as object;

/** The data with objects in which a query finds its own keys alone, no `constructor` and no `__proto__`. */
function queryable(plain: PlainValue): PlainValue {
  if (Array.isArray(plain)) return plain.map(queryable);
  if (typeof plain !== 'object' || plain === null || plain instanceof Uint8Array || plain instanceof Secret)
    return plain;
  const entries = Object.entries(plain).map(([key, item]) => [key, { value: queryable(item), enumerable: true }]);
  return Object.create(QUERIED, Object.fromEntries(entries) as PropertyDescriptorMap) as PlainValue;
}

/** The answer of a query; methods of JavaScript's objects are nothing that data has. */
function withoutFunctions(found: unknown): unknown {
  if (typeof found === 'function') return null;
  if (Array.isArray(found)) return found.map(withoutFunctions);
  if (typeof found !== 'object' || found === null || found instanceof Uint8Array || found instanceof Secret)
    return found;
  return Object.fromEntries(Object.entries(found).map(([key, item]) => [key, withoutFunctions(item)]));
}

function jsonQuery(value: unknown, expression: string): unknown {
  try {
    return fromPlain(withoutFunctions(jmespath.search(queryable(toPlain(toValue(value))), expression)));
  } catch (cause) {
    throw Object.assign(new PyFault('JmespathError', cause instanceof Error ? cause.message : String(cause)), {
      cause,
    });
  }
}

function written(name: string, write: (parent: PyMap, key: Value, value: unknown) => void): Builtin {
  return define(
    `${name}(in_dict, keys, value, delimiter=":", ordered_dict=False)`,
    (_env, map: unknown, keys: unknown, value: unknown, delimiter: unknown) => {
      const { parent, key } = holder(map, keys, delimiter);
      write(parent, key, value);
      return map;
    },
  );
}

function isIter(value: unknown): boolean {
  return isIterable(value) && textOf(value) === undefined;
}

/** Salt's filters of data. */
export const SALT_DATA_FILTERS: readonly Builtin[] = [
  define('sequence(data)', (_env, value: unknown) =>
    Array.isArray(value) || value instanceof PyTuple || value instanceof PySet || value instanceof PyMap
      ? value
      : [value],
  ),
  define('unique(values)', (_env, value: unknown) =>
    unique(value instanceof PyIterator || value instanceof DictView ? [...sequence(value)] : value),
  ),
  define('min(obj)', (_env, value: unknown) => extreme([...sequence(value)], 'min')),
  define('max(obj)', (_env, value: unknown) => extreme([...sequence(value)], 'max')),
  define('avg(lst)', (_env, value: unknown) => average(value)),
  ...(['union', 'intersect', 'difference', 'symmetric_difference'] as const).map((name) =>
    define(`${name}(lst1, lst2)`, (_env, one: unknown, other: unknown) => combine(name, one, other)),
  ),
  define('compare_dicts(old=None, new=None)', (_env, old: unknown, now: unknown) =>
    compareDicts(mapOf(old), mapOf(now)),
  ),
  define('compare_lists(old=None, new=None)', (_env, old: unknown, now: unknown) => compareLists(old, now)),
  ...['json_decode_dict', 'json_decode_list', 'json_encode_dict', 'json_encode_list'].map((name) =>
    define(`${name}(data)`, (_env, value: unknown) => encodeAll(value)),
  ),
  define(
    'exactly_n_true(iterable, amount=1)',
    (_env, value: unknown, amount: unknown) => sequence(value).filter(truth).length === index(amount),
  ),
  define('exactly_one_true(iterable)', (_env, value: unknown) => sequence(value).filter(truth).length === 1),
  define(
    'traverse(data, key, default=None, delimiter=":")',
    (_env, data: unknown, key: unknown, fallback: unknown, delimiter: unknown) => {
      const path = textOf(key) ?? sequence(key).map(str).join(str(delimiter));
      const found = traverse(toValue(data), path, str(delimiter));
      return found === undefined ? fallback : found;
    },
  ),
  define('is_list(value)', (_env, value: unknown) => Array.isArray(value)),
  define('is_iter(thing, ignore=None)', (_env, value: unknown) => isIter(value)),
  define('sorted_ignorecase(to_sort)', (_env, value: unknown) =>
    sorted(sequence(value), (item) => str(item).toLowerCase(), false),
  ),
  define('json_query(data, expr)', (_env, data: unknown, expression: unknown) => jsonQuery(data, str(expression))),
  define('flatten(data, levels=None, preserve_nulls=False)', (_env, data: unknown, levels: unknown, nulls: unknown) =>
    flatten(data, levels === null ? 500 : index(levels), truth(nulls)),
  ),
  define('random_sample(value, size, seed=None)', (_env, value: unknown, size: unknown, seed: unknown) =>
    sampleOf(value, index(size), seed),
  ),
  define('random_shuffle(value, seed=None)', (_env, value: unknown, seed: unknown) =>
    sampleOf(value, sequence(value).length, seed),
  ),
  written('set_dict_key_value', (parent, key, value) => parent.set(key, value as Value)),
  written('update_dict_key_value', (parent, key, value) => {
    const found = parent.get(key);
    if (found === undefined) parent.set(key, new PyMap());
    const map = parent.get(key);
    if (!(map instanceof PyMap))
      throw new PyFault('SaltInvocationError', `The last key contains a ${typeName(map)}, which cannot update.`);
    updateMap(map, value, undefined);
  }),
  written('append_dict_key_value', (parent, key, value) => listAt(parent, key).push(value as Value)),
  written('extend_dict_key_value', (parent, key, value) => {
    const items = elements(value);
    if (!items)
      throw new PyFault('SaltInvocationError', `Cannot extend ${typeName(parent.get(key))} with a ${typeName(value)}.`);
    listAt(parent, key).push(...(items as Value[]));
  }),
];

function mapOf(value: unknown): PyMap {
  if (value instanceof PyMap) return value;
  if (value === null) return new PyMap();
  throw typeError(`a mapping is needed, not '${typeName(value)}'`);
}
