import { PyDate, PyFloat, PyTuple, type Value } from '../values/index.ts';

/** The pairs in the order of Python's `sorted`; as they are when Python cannot compare some of the keys. */
export function sortedPairs(pairs: Iterable<readonly [Value, Value]>): (readonly [Value, Value])[] {
  const list = [...pairs];
  let comparable = true;
  const sorted = list.toSorted(([a], [b]) => {
    const order = compareKeys(a, b);
    if (order === undefined) comparable = false;
    return order ?? 0;
  });
  return comparable ? sorted : list;
}

/** Python's order of two keys; undefined where Python raises TypeError. */
export function compareKeys(a: Value, b: Value): number | undefined {
  if (typeof a === 'string') return typeof b === 'string' ? compareTexts(a, b) : undefined;
  const x = numeric(a);
  const y = numeric(b);
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : 0;
  if (a instanceof PyTuple && b instanceof PyTuple) return compareTuples(a.items, b.items);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof PyDate && b instanceof PyDate && a.kind === b.kind) return compareTexts(a.iso, b.iso);
  return undefined;
}

/** By code point: JavaScript's own order puts the characters beyond U+FFFF before the last of those below. */
function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x === y) continue;
    const surrogates = Number(isSurrogate(x)) - Number(isSurrogate(y));
    return surrogates === 0 ? x - y : surrogates;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function compareTuples(a: readonly Value[], b: readonly Value[]): number | undefined {
  for (const [at, item] of a.entries()) {
    if (at >= b.length) return 1;
    const order = compareKeys(item, b[at]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function numeric(value: Value): number | bigint | undefined {
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof PyFloat) return value.value;
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
}
