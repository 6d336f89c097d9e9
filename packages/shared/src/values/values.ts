import type { Secret } from '../kernel/index.ts';
import type { PyMap } from './map.ts';
import type { PySet } from './set.ts';

/**
 * A value as Python has it, for templates, YAML, pillar, grains and module arguments.
 *
 * - `number`: an integer when integral, else a float. An integral float is a `PyFloat`; build floats with `float()`.
 * - `bigint`: an integer beyond ±2^53. Build integers with `integer()`.
 * - arrays are lists and may be changed in place, as templates do.
 * - mappings are always `PyMap`: a plain object would reorder keys such as `"628"`.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | PyFloat
  | Value[]
  | PyTuple
  | PyMap
  | PySet
  | Uint8Array
  | PyDate
  | Secret;

/** A float whose value is integral (or -0): prints as `1.0`. */
export class PyFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** An immutable sequence that prints as `(1, 2)`. */
export class PyTuple {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** A date, or a date with a time, in the ISO form Python's `isoformat()` gives. */
export class PyDate {
  readonly kind: 'date' | 'datetime';
  readonly iso: string;

  constructor(kind: 'date' | 'datetime', iso: string) {
    this.kind = kind;
    this.iso = iso;
  }
}

/** The float `value` in its normal form: boxed only when integral. */
export function float(value: number): number | PyFloat {
  return Number.isInteger(value) ? new PyFloat(value) : value;
}

/** The integer `value` in its normal form: a `bigint` only beyond ±2^53. */
export function integer(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** True for what Python calls an int (not a bool). */
export function isInteger(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

/** True for what Python calls a float. */
export function isFloat(value: unknown): value is number | PyFloat {
  return value instanceof PyFloat || (typeof value === 'number' && !Number.isInteger(value));
}
