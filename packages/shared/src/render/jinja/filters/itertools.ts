import { PyTuple, type Value } from '../../../values/index.ts';
import { LimitFault, valueError } from '../runtime/fault.ts';
import { sequence } from '../runtime/iterate.ts';
import { index, truth } from '../runtime/operands.ts';
import { define } from '../runtime/signature.ts';
import { type Builtin, PyIterator } from '../runtime/types.ts';

const tuple = (items: readonly unknown[]): PyTuple => new PyTuple(items as readonly Value[]);

function* picks(pool: readonly unknown[], size: number, next: (at: number) => number): Generator<PyTuple> {
  const chosen: unknown[] = [];
  function* from(start: number): Generator<PyTuple> {
    if (chosen.length === size) {
      yield tuple([...chosen]);
      return;
    }
    for (let at = start; at < pool.length; at += 1) {
      chosen.push(pool[at]);
      yield* from(next(at));
      chosen.pop();
    }
  }
  yield* from(0);
}

function* permutations(pool: readonly unknown[], size: number): Generator<PyTuple> {
  const used = new Set<number>();
  const chosen: unknown[] = [];
  function* more(): Generator<PyTuple> {
    if (chosen.length === size) {
      yield tuple([...chosen]);
      return;
    }
    for (let at = 0; at < pool.length; at += 1) {
      if (used.has(at)) continue;
      used.add(at);
      chosen.push(pool[at]);
      yield* more();
      chosen.pop();
      used.delete(at);
    }
  }
  yield* more();
}

function* product(pools: readonly (readonly unknown[])[], chosen: readonly unknown[] = []): Generator<PyTuple> {
  const pool = pools[chosen.length];
  if (!pool) yield tuple(chosen);
  else for (const item of pool) yield* product(pools, [...chosen, item]);
}

function* zip(lists: readonly (readonly unknown[])[], size: number, fill: unknown): Generator<PyTuple> {
  for (let at = 0; at < size; at += 1) yield tuple(lists.map((list) => (at < list.length ? list[at] : fill)));
}

function* compress(data: readonly unknown[], selectors: readonly unknown[]): Generator<unknown> {
  for (const [at, item] of data.entries()) if (at < selectors.length && truth(selectors[at])) yield item;
}

function bounded(size: number): number {
  if (size > 100) throw new LimitFault(`tuples of ${size} elements `, 'Combine fewer elements.');
  if (size < 0) throw valueError('r must be non-negative');
  return size;
}

/** Most combinations one filter makes: their number grows beyond all bounds. */
const MAX_COMBINATIONS = 50_000;

/** The same items, refusing to go on for ever. */
function* limited(items: Iterable<unknown>): Generator<unknown> {
  let count = 0;
  for (const item of items) {
    count += 1;
    if (count > MAX_COMBINATIONS)
      throw new LimitFault(`more than ${MAX_COMBINATIONS} combinations`, 'Combine fewer elements.');
    yield item;
  }
}

/** Python's itertools as filters; their results can be iterated once. */
export const ITERTOOLS_FILTERS: readonly Builtin[] = [
  define(
    'combinations(iterable, r)',
    (_env, items: unknown, size: unknown) =>
      new PyIterator(
        limited(picks([...sequence(items)], bounded(index(size)), (at) => at + 1)),
        'itertools.combinations',
      ),
  ),
  define(
    'combinations_with_replacement(iterable, r)',
    (_env, items: unknown, size: unknown) =>
      new PyIterator(
        limited(picks([...sequence(items)], bounded(index(size)), (at) => at)),
        'itertools.combinations_with_replacement',
      ),
  ),
  define('permutations(iterable, r=None)', (_env, items: unknown, size: unknown) => {
    const pool = [...sequence(items)];
    return new PyIterator(
      limited(permutations(pool, size === null ? pool.length : bounded(index(size)))),
      'itertools.permutations',
    );
  }),
  define('product(*iterables, **options)', (_env, lists: readonly unknown[], options: ReadonlyMap<string, unknown>) => {
    const once = lists.map((list) => [...sequence(list)]);
    const times = bounded(index(options.get('repeat') ?? 1));
    return new PyIterator(limited(product(Array.from({ length: times }, () => once).flat())), 'itertools.product');
  }),
  define('zip(*iterables)', (_env, lists: readonly unknown[]) => {
    const all = lists.map((list) => sequence(list));
    return new PyIterator(zip(all, Math.min(...all.map((list) => list.length)), null), 'zip');
  }),
  define(
    'zip_longest(*iterables, **options)',
    (_env, lists: readonly unknown[], options: ReadonlyMap<string, unknown>) => {
      const all = lists.map((list) => sequence(list));
      return new PyIterator(
        zip(all, Math.max(0, ...all.map((list) => list.length)), options.get('fillvalue') ?? null),
        'itertools.zip_longest',
      );
    },
  ),
  define(
    'compress(data, selectors)',
    (_env, data: unknown, selectors: unknown) =>
      new PyIterator(compress(sequence(data), sequence(selectors)), 'itertools.compress'),
  ),
];
