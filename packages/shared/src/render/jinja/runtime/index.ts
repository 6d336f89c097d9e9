import { PyMap, PyTuple, type Value } from '../../../values/index.ts';
import { add, div, floordiv, join, mod, mul, neg, pos, pow, sub } from './arithmetic.ts';
import { eq, ge, gt, hashable, isIn, le, lt, ne, notIn } from './comparison.ts';
import { selfOf } from './context.ts';
import { effort } from './effort.ts';
import { typeError } from './fault.ts';
import { elements, sequence, unchanged, unpack } from './iterate.ts';
import { Loop } from './loop.ts';
import { Macro } from './macro.ts';
import { truth } from './operands.ts';
import { printed } from './print.ts';
import { textOf, typeName } from './types.ts';

/** What generated code calls `R`: functions that need nothing of the render. */
export const runtime = {
  add,
  div,
  eq,
  floordiv,
  ge,
  gt,
  isIn,
  join,
  le,
  lt,
  mod,
  mul,
  ne,
  neg,
  notIn,
  pos,
  pow,
  sub,
  truth,
  sequence,
  unchanged,
  unpack,
  print: printed,
  effort,
  Loop,
  Macro,
  selfOf,
  tuple: (items: readonly unknown[]): PyTuple => new PyTuple(items as readonly Value[]),
  dict: (flat: readonly unknown[]): PyMap => {
    const map = new PyMap();
    for (let at = 0; at < flat.length; at += 2) map.set(hashable(flat[at]), flat[at + 1] as Value);
    return map;
  },
  spread: (value: unknown): readonly unknown[] => {
    const items = elements(value);
    if (!items) throw typeError(`argument after * must be an iterable, not ${typeName(value)}`);
    return items;
  },
  mergeKwargs: (kwargs: Map<string, unknown> | undefined, more: unknown): Map<string, unknown> => {
    if (!(more instanceof PyMap)) throw typeError(`argument after ** must be a mapping, not ${typeName(more)}`);
    const merged = new Map(kwargs);
    for (const [key, value] of more) {
      const name = textOf(key);
      if (name === undefined) throw typeError('keywords must be strings');
      if (merged.has(name)) throw typeError(`got multiple values for keyword argument '${name}'`);
      merged.set(name, value);
    }
    return merged;
  },
} as const;
