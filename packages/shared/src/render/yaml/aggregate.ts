import { PyMap, PySet, PyTuple, type Value, valuesEqual } from '../../values/index.ts';

/** A mapping marked `!aggregate`: merged key by key with another of its kind. */
export class AggregateMap extends PyMap {}

/** A list marked `!aggregate`: appended to another of its kind, without repeating items. */
export class AggregateList extends Array<Value> {
  /** What is made from it (`slice`, `map`) is an ordinary list. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

function aggregateList(items: Iterable<Value>): AggregateList {
  const list = new AggregateList();
  for (const item of items) list.push(item);
  return list;
}

/** True for what was marked `!aggregate`. */
export function isAggregate(value: Value): value is AggregateMap | AggregateList {
  return value instanceof AggregateMap || value instanceof AggregateList;
}

/** Marks a value as `!aggregate` does: a single value becomes a list of it. */
export function markAggregate(value: Value): AggregateMap | AggregateList {
  if (isAggregate(value)) return value;
  if (value instanceof PyMap) return new AggregateMap(value);
  if (Array.isArray(value)) return aggregateList(value);
  if (value instanceof PyTuple) return aggregateList(value.items);
  return aggregateList(value instanceof PySet ? value : [value]);
}

/**
 * The value of a key given as `earlier` and then as `later`, as Salt 3006 merges yamlex documents and, with `levels` 1,
 * pillars under the `aggregate` strategy (salt.utils.aggregation). Marked lists are joined, marked mappings merged; of
 * mappings that are not both marked only the keys of the later one count; in all other cases the later value wins.
 * The outermost `levels` are taken as marked.
 */
export function aggregate(earlier: Value, later: Value, levels = 0): Value {
  const before = levels > 0 ? markAggregate(earlier) : earlier;
  const after = levels > 0 ? markAggregate(later) : later;
  if (before instanceof PyMap && after instanceof PyMap) {
    const both = isAggregate(before) && isAggregate(after);
    const merged = isAggregate(after) ? new AggregateMap(both ? before : after) : new PyMap(after);
    for (const [key, value] of after) {
      const known = before.get(key);
      merged.set(key, known === undefined ? value : aggregate(known, value, Math.max(levels - 1, 0)));
    }
    return merged;
  }
  if (before instanceof AggregateList && after instanceof AggregateList) {
    return aggregateList([...before, ...after.filter((item) => !before.some((known) => valuesEqual(known, item)))]);
  }
  return after;
}
