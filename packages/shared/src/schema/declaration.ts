import { z } from 'zod';
import type { Value } from '../values/index.ts';

/**
 * What every function, state, runner, step kind, operation and option of Edge is declared with; help, argument errors,
 * lint, REST schema, console forms and docs/reference are generated from it.
 */
export interface Declaration<A extends z.ZodObject = z.ZodObject> {
  /** `module.function`, as users write it: `service.running`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Every property described; their order is that of positional arguments. */
  readonly args: A;
  /** Property (a list) that takes the positional arguments left over, as Python's `*args`; later ones go by name only. */
  readonly rest?: string;
  /** Property (a mapping) that takes the keyword arguments nobody declared, as Python's `**kwargs`. */
  readonly keywords?: string;
  /** Property without which `keywords` takes nothing: `template`, whose names a file may be given as arguments. */
  readonly keywordsWith?: string;
  readonly examples: readonly { readonly title: string; readonly args: z.input<A> }[];
}

const RAW = 'edge-raw-value';

/** An argument that takes any value and keeps Python's distinctions and key order. */
export function anyValue(): z.ZodType<Value> {
  return z.custom<Value>(() => true).meta({ [RAW]: true });
}

/** True for a schema made by `anyValue`, whatever wraps it. */
export function takesRawValue(schema: z.ZodType): boolean {
  return unwrapped(schema).meta()?.[RAW] === true || schema.meta()?.[RAW] === true;
}

/** True for a list of what `anyValue` makes, whatever wraps it. */
export function takesRawItems(schema: z.ZodType): boolean {
  const list = unwrapped(schema);
  return list instanceof z.ZodArray && takesRawValue(list.element as z.ZodType);
}

/** True when the declaration says text: numbers are taken as they were typed. */
export function takesText(schema: z.ZodType): boolean {
  return unwrapped(schema) instanceof z.ZodString;
}

/** True when the declaration says yes or no: Salt trees also write 1 and 0. */
export function takesBoolean(schema: z.ZodType): boolean {
  return unwrapped(schema) instanceof z.ZodBoolean;
}

/** The schema inside `optional`, `default` and `nullable`. */
function unwrapped(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable) {
    inner = inner.unwrap() as z.ZodType;
  }
  return inner;
}
