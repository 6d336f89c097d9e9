import { PyMap, PySet, PyTuple, type Value } from '../../../../values/index.ts';
import { eq, hashable, sorted } from '../comparison.ts';
import { LimitFault, PyFault, typeError, valueError } from '../fault.ts';
import { elements, listOf, MAX_ITEMS, sequence } from '../iterate.ts';
import { index, truth } from '../operands.ts';
import { patientMethods } from '../patience.ts';
import { repr } from '../print.ts';
import { define } from '../signature.ts';
import { Builtin, DictView, isCallable, typeName } from '../types.ts';

type Any = unknown;

function table(type: string, ...methods: readonly Builtin[]): ReadonlyMap<string, Builtin> {
  return patientMethods(type, new Map(methods.map((method) => [method.name, method])));
}

function sized(list: readonly unknown[]): void {
  if (list.length > MAX_ITEMS)
    throw new LimitFault(`a list of ${list.length} elements`, `Keep lists below ${MAX_ITEMS} elements.`);
}

function position(items: readonly unknown[], value: Any, name: string): number {
  const at = items.findIndex((item) => item === value || eq(item, value));
  if (at === -1)
    throw valueError(name === 'tuple' ? 'tuple.index(x): x not in tuple' : `${repr(value)} is not in list`);
  return at;
}

/** Python's `list` methods. */
export const LIST_METHODS = table(
  'list',
  define('append(self, item, /)', (_env, self: Any[], item: Any) => {
    self.push(item);
    sized(self);
    return null;
  }),
  define('extend(self, items, /)', (_env, self: Any[], items: Any) => {
    for (const item of listOf(items)) self.push(item);
    sized(self);
    return null;
  }),
  define('insert(self, at, item, /)', (_env, self: Any[], at: Any, item: Any) => {
    const place = index(at);
    self.splice(place < 0 ? Math.max(0, place + self.length) : place, 0, item);
    return null;
  }),
  define('remove(self, item, /)', (_env, self: Any[], item: Any) => {
    const at = self.findIndex((candidate) => eq(candidate, item));
    if (at === -1) throw valueError('list.remove(x): x not in list');
    self.splice(at, 1);
    return null;
  }),
  define('pop(self, at=-1, /)', (_env, self: Any[], at: Any) => {
    if (self.length === 0) throw new PyFault('IndexError', 'pop from empty list');
    const place = index(at) < 0 ? index(at) + self.length : index(at);
    if (place < 0 || place >= self.length) throw new PyFault('IndexError', 'pop index out of range');
    return self.splice(place, 1)[0];
  }),
  define('clear(self, /)', (_env, self: Any[]) => {
    self.length = 0;
    return null;
  }),
  define('index(self, item, start=0, stop=None, /)', (_env, self: Any[], item: Any, start: Any, stop: Any) => {
    const from = index(start) < 0 ? Math.max(0, index(start) + self.length) : index(start);
    return from + position(self.slice(from, stop === null ? undefined : index(stop)), item, 'list');
  }),
  define(
    'count(self, item, /)',
    (_env, self: Any[], item: Any) => self.filter((candidate) => eq(candidate, item)).length,
  ),
  define('sort(self, *, key=None, reverse=False)', (env: unknown, self: Any[], key: Any, reverse: Any) => {
    if (key !== null && !isCallable(key)) throw typeError(`'${typeName(key)}' object is not callable`);
    const by = isCallable(key) ? (item: Any) => key.call(env, [item], undefined) : (item: Any) => item;
    const inOrder = sorted(self, by, truth(reverse));
    self.splice(0, self.length, ...inOrder);
    return null;
  }),
  define('reverse(self, /)', (_env, self: Any[]) => {
    self.reverse();
    return null;
  }),
  define('copy(self, /)', (_env, self: Any[]) => [...self]),
);

/** Python's `tuple` methods. */
export const TUPLE_METHODS = table(
  'tuple',
  define('index(self, item, /)', (_env, self: PyTuple, item: Any) => position(self.items, item, 'tuple')),
  define(
    'count(self, item, /)',
    (_env, self: PyTuple, item: Any) => self.items.filter((candidate) => eq(candidate, item)).length,
  ),
);

/** Writes pairs or another mapping into `map`, as `dict.update` does. */
export function updateMap(map: PyMap, from: Any, kwargs: ReadonlyMap<string, unknown> | undefined): void {
  if (from instanceof PyMap) for (const [key, value] of [...from]) map.set(key, value);
  else if (from !== undefined) {
    sequence(from).forEach((pair, at) => {
      const items = elements(pair);
      if (!items) throw typeError(`cannot convert dictionary update sequence element #${at} to a sequence`);
      if (items.length !== 2) {
        throw valueError(`dictionary update sequence element #${at} has length ${items.length}; 2 is required`);
      }
      map.set(hashable(items[0]), items[1] as Value);
    });
  }
  if (kwargs) for (const [key, value] of kwargs) map.set(key, value as Value);
}

/** Python's `dict` methods. */
export const DICT_METHODS = table(
  'dict',
  arity(
    'get',
    1,
    2,
    (self: PyMap, key: Any, fallback: Any = null) => self.get(hashable(key)) ?? found(self, key, fallback),
  ),
  define('keys(self, /)', (_env, self: PyMap) => new DictView(self, 'keys')),
  define('values(self, /)', (_env, self: PyMap) => new DictView(self, 'values')),
  define('items(self, /)', (_env, self: PyMap) => new DictView(self, 'items')),
  new Builtin('update', (_env, [self, ...rest], kwargs) => {
    if (rest.length > 1) throw typeError(`update expected at most 1 argument, got ${rest.length}`);
    updateMap(self as PyMap, rest[0], kwargs);
    return null;
  }),
  arity('setdefault', 1, 2, (self: PyMap, key: Any, fallback: Any = null) => {
    if (!self.has(hashable(key))) self.set(hashable(key), fallback as Value);
    return self.get(hashable(key));
  }),
  arity('pop', 1, 2, (self: PyMap, key: Any, fallback?: Any) => {
    const value = self.get(hashable(key));
    if (value === undefined) {
      if (fallback === undefined) throw new PyFault('KeyError', repr(key));
      return fallback;
    }
    self.delete(hashable(key));
    return value;
  }),
  define('popitem(self, /)', (_env, self: PyMap) => {
    const last = [...self].at(-1);
    if (!last) throw new PyFault('KeyError', "'popitem(): dictionary is empty'");
    self.delete(last[0]);
    return new PyTuple(last);
  }),
  define('clear(self, /)', (_env, self: PyMap) => {
    self.clear();
    return null;
  }),
  define('copy(self, /)', (_env, self: PyMap) => new PyMap(self)),
  define(
    'fromkeys(self, keys, value=None, /)',
    (_env, _self: PyMap, keys: Any, value: Any) =>
      new PyMap(sequence(keys).map((key) => [hashable(key), value as Value] as const)),
  ),
);
function found(map: PyMap, key: Any, fallback: Any): Any {
  return map.get(hashable(key)) ?? fallback;
}

function arity(name: string, least: number, most: number, body: (self: never, ...args: unknown[]) => unknown): Builtin {
  const loose = body as (self: unknown, ...args: unknown[]) => unknown;
  return new Builtin(name, (_env, [self, ...args], kwargs) => {
    if (kwargs && kwargs.size > 0) throw typeError(`dict.${name}() takes no keyword arguments`);
    if (args.length < least) throw typeError(`${name} expected at least ${least} argument, got ${args.length}`);
    if (args.length > most) throw typeError(`${name} expected at most ${most} arguments, got ${args.length}`);
    return loose(self, ...args);
  });
}

function setFrom(value: Any): PySet {
  return new PySet(sequence(value).map(hashable));
}

/** The set operations, over anything that can be iterated. */
function setOperation(
  name: 'union' | 'intersection' | 'difference' | 'symmetric_difference',
  self: PySet,
  other: Any,
): PySet {
  const second = setFrom(other);
  switch (name) {
    case 'union':
      return new PySet([...self, ...second]);
    case 'intersection':
      return new PySet([...self].filter((item) => second.has(item)));
    case 'difference':
      return new PySet([...self].filter((item) => !second.has(item)));
    case 'symmetric_difference':
      return new PySet([
        ...[...self].filter((item) => !second.has(item)),
        ...[...second].filter((item) => !self.has(item)),
      ]);
  }
}

function setMethod(name: 'union' | 'intersection' | 'difference' | 'symmetric_difference'): Builtin {
  return define(`${name}(self, *others)`, (_env, self: PySet, others: Any[]) =>
    others.reduce<PySet>((set, other) => setOperation(name, set, other), new PySet(self)),
  );
}

/** Python's `set` methods. */
export const SET_METHODS = table(
  'set',
  define('add(self, item, /)', (_env, self: PySet, item: Any) => {
    self.add(hashable(item));
    return null;
  }),
  define('discard(self, item, /)', (_env, self: PySet, item: Any) => {
    self.delete(hashable(item));
    return null;
  }),
  define('remove(self, item, /)', (_env, self: PySet, item: Any) => {
    if (!self.delete(hashable(item))) throw new PyFault('KeyError', repr(item));
    return null;
  }),
  define('pop(self, /)', (_env, self: PySet) => {
    const [first] = self;
    if (first === undefined) throw new PyFault('KeyError', "'pop from an empty set'");
    self.delete(first);
    return first;
  }),
  define('clear(self, /)', (_env, self: PySet) => {
    for (const item of [...self]) self.delete(item);
    return null;
  }),
  define('update(self, *others)', (_env, self: PySet, others: Any[]) => {
    for (const other of others) for (const item of setFrom(other)) self.add(item);
    return null;
  }),
  define('copy(self, /)', (_env, self: PySet) => new PySet(self)),
  setMethod('union'),
  setMethod('intersection'),
  setMethod('difference'),
  setMethod('symmetric_difference'),
  define(
    'issubset(self, other, /)',
    (_env, self: PySet, other: Any) => setOperation('difference', self, other).size === 0,
  ),
  define(
    'issuperset(self, other, /)',
    (_env, self: PySet, other: Any) => setOperation('difference', setFrom(other), self).size === 0,
  ),
  define(
    'isdisjoint(self, other, /)',
    (_env, self: PySet, other: Any) => setOperation('intersection', self, other).size === 0,
  ),
);

/** The members of a view that templates can call. */
export const VIEW_METHODS = table(
  'view',
  define(
    'isdisjoint(self, other, /)',
    (_env, self: DictView, other: Any) => setOperation('intersection', setFrom(self), other).size === 0,
  ),
);
